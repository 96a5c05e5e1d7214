//! `Retry-After` (RFC 9110, 10.2.3).

use std::time::{Duration, SystemTime};

/// How long to wait, by a number of seconds or an HTTP date. A date is measured
/// against the answer's own `Date`, since the clocks of devices are often wrong, or
/// against `now` if the answer has none. None if it is neither.
pub(crate) fn parse(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let from = date
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or(now);
    Some(until.duration_since(from).unwrap_or_default())
}

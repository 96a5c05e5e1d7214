//! Numbers for people, as the commands write them.

use std::time::Duration;

use windlass_model::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `1,200`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 device`, `1,200 devices`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A length of time in its two largest units, the second only if there is something of it:
/// `6h 10m`, `30d`, `4.2s`.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let tenths = span.subsec_millis() / 100;
    if seconds < 10 && tenths > 0 {
        return format!("{seconds}.{tenths}s");
    }
    let (unit, large, next, small) = match seconds {
        0..MINUTE => return format!("{seconds}s"),
        MINUTE..HOUR => (MINUTE, 'm', 1, 's'),
        HOUR..DAY => (HOUR, 'h', MINUTE, 'm'),
        _ => (DAY, 'd', HOUR, 'h'),
    };
    match seconds % unit / next {
        0 => format!("{}{large}", seconds / unit),
        rest => format!("{}{large} {rest:02}{small}", seconds / unit),
    }
}

/// A share of a whole, 0 to 1; of nothing it is 0.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// `12.4 %`; `0 %` and `100 %` only where it is that.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let percent = share(part, whole) * 100.0;
    if part == 0 || part >= whole {
        format!("{percent:.0} %")
    } else {
        format!("{:.1} %", percent.clamp(0.1, 99.9))
    }
}

/// A share from 0 to 1 as a person wrote it: `2 %`, `0.05 %`.
pub(super) fn of_hundred(share: f64) -> String {
    // Six digits are more than anybody means; without them `0.07` would not be `7 %`.
    let text = format!("{:.6}", share * 100.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} %")
}

/// A share from 0 to 1 that was measured: `82 %`, `0.4 %`; `0 %` and `100 %` only where it is that.
pub(super) fn rounded(share: f64) -> String {
    let percent = share * 100.0;
    if share <= 0.0 || share >= 1.0 {
        return format!("{percent:.0} %");
    }
    let digits = usize::from(!(1.0..=99.0).contains(&percent));
    format!("{:.digits$} %", percent.clamp(0.1, 99.9))
}

/// A rate with as many digits as it is worth: `0.25`, `2.5`, `1,200`.
pub(super) fn rate(rate: f64) -> String {
    if !rate.is_finite() || rate <= 0.0 {
        return "0".to_owned();
    }
    if rate >= 9.95 {
        return grouped(rate.round() as u64);
    }
    let digits = match rate {
        0.995.. => 1,
        0.0995.. => 2,
        _ => 3,
    };
    let text = format!("{:.digits$}", rate.max(0.001));
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// An instant with its weekday, because windows are of weekdays: `Mon 2026-03-02 09:00 UTC`.
pub(super) fn instant(at: Timestamp) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map_or_else(
        |_| format!("{} ms after 1970", at.0),
        |at| at.strftime("%a %Y-%m-%d %H:%M UTC").to_string(),
    )
}

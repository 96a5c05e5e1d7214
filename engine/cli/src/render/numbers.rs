//! Numbers for people.

use std::time::Duration;

use windlass_model::Timestamp;

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// A size with three digits or so: `16.0 MiB`.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub fn bytes(count: u64) -> String {
    scaled(count as f64)
}

/// A speed: `120 MiB/s`.
pub fn rate(bytes_per_second: f64) -> String {
    format!("{}/s", scaled(bytes_per_second))
}

fn scaled(mut value: f64) -> String {
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if unit == 0 || value >= 99.95 { 0 } else { 1 };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A time span in its two largest units: `1m 05s`, `4.2s`, `2h 10m`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", span.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A share as whole percent, never 100 before all is done.
pub fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        100
    } else {
        u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(100)
    }
}

/// A count with its noun: `1 device`, `1,200 devices`.
pub fn count(number: u64, noun: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let plural = if number == 1 { "" } else { "s" };
    format!("{grouped} {noun}{plural}")
}

/// An instant as RFC 3339 in UTC, to the millisecond.
pub fn time(at: Timestamp) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .map_or_else(|_| at.0.to_string(), |at| format!("{at:.3}"))
}

//! Durations and sizes as people write them: always with a unit, never with a fraction.

use std::time::Duration;

/// A duration's units, the longest first, in milliseconds.
const DURATION_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A size's units: the binary ones, which are written, then the decimal ones.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
];
const BINARY_SIZE_UNITS: usize = 5;

/// What a duration looks like, as a regular expression for the configuration's schema.
pub const DURATION_PATTERN: &str = "^(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

/// What a size looks like, as a regular expression for the configuration's schema.
pub const SIZE_PATTERN: &str = "^[0-9]+(B|[KMGT]iB|[kMGT]B)$";

/// Why a text is no duration or size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// A bare number.
    #[error("missing unit: write \"{suggestion}\"")]
    MissingUnit {
        /// The number with the commonest unit.
        suggestion: String,
    },
    /// A unit that does not exist, or out of order.
    #[error("unknown unit {unit:?}: the units are {known}")]
    UnknownUnit {
        /// What was written.
        unit: String,
        /// What may be.
        known: String,
    },
    /// A unit that comes twice or after a shorter one.
    #[error("longer units come first, each once, as in \"1h30m\"")]
    Order,
    /// Anything else.
    #[error("expected a whole number with a unit, such as \"{example}\"")]
    Malformed {
        /// A good one.
        example: &'static str,
    },
    /// More than can be counted.
    #[error("too large")]
    TooLarge,
}

/// Reads `500ms`, `30s`, `1h30m`, `7d`: longer units first, each at most once, to the
/// millisecond.
///
/// # Errors
///
/// [`UnitError`] for anything else, a bare number included.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let malformed = UnitError::Malformed { example: "30s" };
    let mut rest = text;
    let mut millis: u64 = 0;
    let mut units = DURATION_UNITS.as_slice();
    if rest.is_empty() {
        return Err(malformed);
    }
    while !rest.is_empty() {
        let (number, unit, after) = split(rest).ok_or_else(|| malformed.clone())?;
        if unit.is_empty() {
            return Err(UnitError::MissingUnit {
                suggestion: format!("{text}s"),
            });
        }
        if !DURATION_UNITS.iter().any(|(known, _)| *known == unit) {
            return Err(unknown_unit(unit, &DURATION_UNITS));
        }
        let position = units.iter().position(|(known, _)| *known == unit);
        let position = position.ok_or(UnitError::Order)?;
        millis = number
            .and_then(|number| number.checked_mul(units[position].1))
            .and_then(|part| part.checked_add(millis))
            .ok_or(UnitError::TooLarge)?;
        units = &units[position + 1..];
        rest = after;
    }
    Ok(Duration::from_millis(millis))
}

/// Writes a duration so that [`parse_duration`] reads it back, cut to milliseconds.
pub fn format_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, length) in DURATION_UNITS {
        let count = millis / length;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            millis %= length;
        }
    }
    text
}

/// Reads a number of bytes: `512B`, `64MiB`, `10MB`.
///
/// # Errors
///
/// [`UnitError`] for anything else, a bare number included.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let malformed = UnitError::Malformed { example: "64MiB" };
    let (number, unit, rest) = split(text).ok_or_else(|| malformed.clone())?;
    if !rest.is_empty() {
        return Err(malformed);
    }
    if unit.is_empty() {
        return Err(UnitError::MissingUnit {
            suggestion: format!("{text}MiB"),
        });
    }
    let (_, length) = SIZE_UNITS
        .iter()
        .find(|(known, _)| *known == unit)
        .ok_or_else(|| unknown_unit(unit, &SIZE_UNITS))?;
    number
        .and_then(|number| number.checked_mul(*length))
        .ok_or(UnitError::TooLarge)
}

/// Writes a number of bytes so that [`parse_size`] reads it back, in the largest binary
/// unit that needs no fraction.
pub fn format_size(bytes: u64) -> String {
    let (unit, length) = SIZE_UNITS[..BINARY_SIZE_UNITS]
        .iter()
        .find(|(_, length)| bytes != 0 && bytes.is_multiple_of(*length))
        .unwrap_or(&("B", 1));
    format!("{}{unit}", bytes / length)
}

/// A leading number (`None` if it exceeds 64 bits), the letters after it, and what
/// follows those.
fn split(text: &str) -> Option<(Option<u64>, &str, &str)> {
    let digits = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    if digits == 0 {
        return None;
    }
    let (number, rest) = text.split_at(digits);
    let letters = rest
        .find(|character: char| !character.is_alphabetic())
        .unwrap_or(rest.len());
    let (unit, after) = rest.split_at(letters);
    if unit.is_empty() && !after.is_empty() {
        return None;
    }
    Some((number.parse().ok(), unit, after))
}

fn unknown_unit(unit: &str, known: &[(&str, u64)]) -> UnitError {
    let known: Vec<&str> = known.iter().map(|(unit, _)| *unit).collect();
    UnitError::UnknownUnit {
        unit: unit.to_owned(),
        known: known.join(", "),
    }
}

//! Durations in settings.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::refuse;

/// The units, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A length of time as the engine's own configuration writes it: `"30s"`, `"1h 30m"`,
/// `"7d"`. Whole numbers with units, longer units first, each once; a number without
/// a unit is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

impl Period {
    /// A period of so many seconds, for defaults.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As the standard library has it.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// In milliseconds, as the contract counts.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    fn read(text: &str) -> Result<Self, Refusal> {
        const EXAMPLE: &str = "write a whole number with a unit, such as \"30s\" or \"1h30m\"";
        let malformed = || Refusal::new("not a duration", EXAMPLE);
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(malformed());
        }
        let mut units = UNITS.as_slice();
        let mut millis = 0_u64;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at(digits);
            let letters = after.len() - after.trim_start_matches(char::is_alphabetic).len();
            let (unit, after) = after.split_at(letters);
            if number.is_empty() {
                return Err(malformed());
            }
            if unit.is_empty() {
                return Err(if after.is_empty() {
                    Refusal::new("missing unit", format!("write \"{}s\"", text.trim()))
                } else {
                    malformed()
                });
            }
            if !UNITS.iter().any(|(known, _)| *known == unit) {
                return Err(Refusal::new(
                    format!("unknown unit \"{unit}\""),
                    "the units are d, h, m, s and ms",
                ));
            }
            let Some(position) = units.iter().position(|(known, _)| *known == unit) else {
                return Err(Refusal::new(
                    "units out of order",
                    "longer units come first, each once, as in \"1h30m\"",
                ));
            };
            millis = number
                .parse::<u64>()
                .ok()
                .and_then(|number| number.checked_mul(units[position].1))
                .and_then(|part| part.checked_add(millis))
                .ok_or_else(|| Refusal::new("too long", "write a shorter duration"))?;
            units = &units[position + 1..];
            rest = after.trim_start();
        }
        Ok(Self(Duration::from_millis(millis)))
    }
}

struct Refusal {
    message: String,
    hint: String,
}

impl Refusal {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl From<Period> for Duration {
    fn from(period: Period) -> Self {
        period.0
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Period;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a duration with a unit, such as \"30s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                Period::read(text).map_err(|refusal| refuse(&refusal.message, &refusal.hint))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Period, E> {
                Err(refuse("missing unit", &format!("write \"{number}s\"")))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Duration")
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // A bare number gets past the schema so that reading it can say what is
        // missing, instead of "30 is not a string".
        json_schema!({
            "type": ["string", "integer"],
            "examples": ["30s", "1h30m", "7d"],
        })
    }
}

//! Windows that begin by a cron expression.

use croner::{
    Cron as Pattern,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};
use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};
use windlass_sdk::{Milliseconds, Timestamp};

use crate::{clock, span::Occurrence};

/// Minute, hour, day of month, month, day of week.
const FIELDS: usize = 5;

/// A window for each time of the wall clock that the expression names.
#[derive(Clone, Debug)]
pub(crate) struct Cron {
    pattern: Pattern,
    text: String,
    pub(crate) duration: Milliseconds,
}

/// What is wrong with an expression.
pub(crate) enum Malformed {
    Fields(usize),
    Syntax(String),
    NeverFires,
}

impl Cron {
    /// The search for the first time is made without a zone: times that a zone's clock skips
    /// fire nevertheless.
    pub(crate) fn read(text: &str, duration: Milliseconds) -> Result<Self, Malformed> {
        let fields = text.split_whitespace().count();
        if fields != FIELDS && !text.trim().starts_with('@') {
            return Err(Malformed::Fields(fields));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let pattern = parser
            .parse(text)
            .map_err(|error| Malformed::Syntax(cause(error)))?;
        if pattern.find_next_occurrence(&DateTime::ZERO, true).is_err() {
            return Err(Malformed::NeverFires);
        }
        Ok(Self {
            pattern,
            text: text.trim().to_owned(),
            duration,
        })
    }

    pub(crate) fn latest(&self, zone: &TimeZone, at: Timestamp) -> Option<Occurrence> {
        let reading = clock::reading(zone, at);
        let fired = self.pattern.find_previous_occurrence(&reading, true).ok()?;
        self.occurrence(zone, fired)
    }

    pub(crate) fn next(&self, zone: &TimeZone, at: Timestamp) -> Option<Occurrence> {
        let reading = clock::reading(zone, at);
        let fires = self.pattern.find_next_occurrence(&reading, false).ok()?;
        self.occurrence(zone, fires)
    }

    fn occurrence(&self, zone: &TimeZone, fired: DateTime) -> Option<Occurrence> {
        let from = clock::first(zone, fired)?;
        Some(Occurrence {
            from,
            to: from.saturating_add(self.duration),
        })
    }

    pub(crate) fn label(&self) -> String {
        let millis = i64::try_from(self.duration).unwrap_or(i64::MAX);
        format!(
            "{} for {:#}",
            self.text,
            SignedDuration::from_millis(millis)
        )
    }
}

fn cause(error: CronError) -> String {
    match error {
        CronError::InvalidPattern(cause)
        | CronError::IllegalCharacters(cause)
        | CronError::ComponentError(cause) => cause,
        CronError::EmptyPattern
        | CronError::InvalidDate
        | CronError::InvalidTime
        | CronError::TimeSearchLimitExceeded => error.to_string(),
    }
}

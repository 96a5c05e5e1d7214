//! Dates, dates with a time, and instants.

use jiff::{
    Timestamp as Instant, ToSpan,
    civil::{Date, DateTime, Time},
    fmt::temporal::DateTimeParser,
    tz::TimeZone,
};
use windlass_sdk::Timestamp;

use crate::{clock, zone};

/// A point in time as an operator writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A whole day.
    Day(Date),
    /// A time of some zone's wall clock.
    Local(DateTime),
    /// The same everywhere, in milliseconds.
    Instant(Timestamp),
}

impl Moment {
    /// `2026-12-18`, `2026-12-18T08:00`, `2026-12-18T08:00Z`, `2026-12-18T08:00+01:00` or
    /// `2026-12-18T08:00[Europe/Berlin]`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        static PARSER: DateTimeParser = DateTimeParser::new();
        let text = text.trim();
        if text.ends_with(']') {
            let zoned = PARSER.parse_zoned_with(zone::database(), text).ok()?;
            return Some(Self::Instant(clock::millis(zoned.timestamp())));
        }
        // The parsers of less take more, and drop what they do not want.
        if let Ok(instant) = text.parse::<Instant>() {
            return Some(Self::Instant(clock::millis(instant)));
        }
        if text.contains(':') {
            return text.parse().ok().map(Self::Local);
        }
        text.parse().ok().map(Self::Day)
    }

    /// Where something begins that begins here; never, if that is past the calendar's end.
    pub(crate) fn begins(self, zone: &TimeZone) -> Timestamp {
        let found = match self {
            Self::Day(date) => clock::first(zone, date.to_datetime(Time::midnight())),
            Self::Local(time) => clock::first(zone, time),
            Self::Instant(at) => Some(at),
        };
        found.unwrap_or(Timestamp::MAX)
    }

    /// Where something ends that ends here: a day belongs to it, a time or an instant does
    /// not. A time that the clock shows twice is meant the second time.
    pub(crate) fn ends(self, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Day(date) => date
                .checked_add(1.day())
                .map_or(Timestamp::MAX, |next| Self::Day(next).begins(zone)),
            Self::Local(time) => clock::last(zone, time).unwrap_or(Timestamp::MAX),
            Self::Instant(at) => at,
        }
    }
}

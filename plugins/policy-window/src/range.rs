//! Windows from one time of day to another.

use jiff::{
    ToSpan,
    civil::{Date, Time},
    tz::TimeZone,
};
use windlass_sdk::{Milliseconds, Timestamp};

use crate::{clock, settings::Day, span::Occurrence};

/// Every day of the week comes twice within so many days, should the clock skip the first.
const LOOK: i32 = 14;

const DAY: Milliseconds = 24 * 60 * 60 * 1000;

/// A time of day, up to the end of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeOfDay {
    At(Time),
    /// 24:00, the next day's 00:00.
    End,
}

impl TimeOfDay {
    /// `02:00`, `02:00:00` or `24:00`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if matches!(text, "24:00" | "24:00:00") {
            return Some(Self::End);
        }
        Time::strptime("%H:%M", text)
            .or_else(|_| Time::strptime("%H:%M:%S", text))
            .ok()
            .map(Self::At)
    }
}

/// A window on each of some days of the week.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    /// Empty for every day.
    days: Vec<Day>,
    from: Time,
    to: Time,
}

impl Range {
    /// None if it ends when it begins.
    pub(crate) fn new(days: Vec<Day>, from: Time, to: TimeOfDay) -> Option<Self> {
        let to = match to {
            TimeOfDay::At(to) if to == from => return None,
            TimeOfDay::At(to) => to,
            TimeOfDay::End => Time::midnight(),
        };
        Some(Self { days, from, to })
    }

    /// How long it lasts, except in a night in which the clock is put forward or back.
    pub(crate) fn duration(&self) -> Milliseconds {
        let length = self.from.duration_until(self.to).as_millis();
        match Milliseconds::try_from(length) {
            Ok(length) if length > 0 => length,
            _ => DAY.saturating_add_signed(i64::try_from(length).unwrap_or(0)),
        }
    }

    pub(crate) fn latest(&self, zone: &TimeZone, at: Timestamp) -> Option<Occurrence> {
        let today = clock::reading(zone, at).date();
        (0..=LOOK)
            .filter_map(|back| self.on(zone, today.checked_sub(back.days()).ok()?))
            .find(|window| window.from <= at)
    }

    pub(crate) fn next(&self, zone: &TimeZone, at: Timestamp) -> Option<Occurrence> {
        let today = clock::reading(zone, at).date();
        (0..=LOOK)
            .filter_map(|ahead| self.on(zone, today.checked_add(ahead.days()).ok()?))
            .find(|window| window.from > at)
    }

    /// The window that begins on this date. None if the clock skips all of it.
    fn on(&self, zone: &TimeZone, date: Date) -> Option<Occurrence> {
        let begins = self.days.is_empty()
            || self
                .days
                .iter()
                .any(|day| day.index() == date.weekday().to_monday_zero_offset());
        if !begins {
            return None;
        }
        let last = if self.to <= self.from {
            date.tomorrow().ok()?
        } else {
            date
        };
        let window = Occurrence {
            from: clock::first(zone, date.to_datetime(self.from))?,
            to: clock::first(zone, last.to_datetime(self.to))?,
        };
        (window.from < window.to).then_some(window)
    }

    pub(crate) fn label(&self) -> String {
        let mut label = String::new();
        for day in &self.days {
            label.push_str(day.name());
            label.push(' ');
        }
        let to = if self.to == Time::midnight() {
            "24:00".to_owned()
        } else {
            show(self.to)
        };
        format!("{label}{}-{to}", show(self.from))
    }
}

fn show(time: Time) -> String {
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    match second {
        0 => format!("{hour:02}:{minute:02}"),
        second => format!("{hour:02}:{minute:02}:{second:02}"),
    }
}

impl Day {
    /// From 0 for Monday.
    fn index(self) -> i8 {
        match self {
            Self::Mon => 0,
            Self::Tue => 1,
            Self::Wed => 2,
            Self::Thu => 3,
            Self::Fri => 4,
            Self::Sat => 5,
            Self::Sun => 6,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

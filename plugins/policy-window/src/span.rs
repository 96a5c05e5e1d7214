//! Spans of time in which some window is open.

use jiff::tz::TimeZone;
use windlass_sdk::{Milliseconds, Timestamp};

use crate::{clock, cron::Cron, range::Range};

/// How many windows are joined at most before the span is taken as it is: windows of a minute,
/// every minute, for more than two days. A span cut so is open at its end.
const MAX_JOINED: usize = 4096;

/// One opening of one window, the end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occurrence {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// A window that recurs.
#[derive(Clone, Debug)]
pub(crate) enum Window {
    Cron(Box<Cron>),
    Range(Range),
}

impl Window {
    /// The last that begins at this instant or before. None of those before it ends later.
    fn latest(&self, zone: &TimeZone, at: Timestamp) -> Option<Occurrence> {
        match self {
            Self::Cron(cron) => cron.latest(zone, at),
            Self::Range(range) => range.latest(zone, at),
        }
    }

    /// The first that begins after this instant.
    fn next(&self, zone: &TimeZone, at: Timestamp) -> Option<Occurrence> {
        match self {
            Self::Cron(cron) => cron.next(zone, at),
            Self::Range(range) => range.next(zone, at),
        }
    }

    /// How long it lasts by the clock.
    pub(crate) fn duration(&self) -> Milliseconds {
        match self {
            Self::Cron(cron) => cron.duration,
            Self::Range(range) => range.duration(),
        }
    }

    /// As people write it.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Cron(cron) => cron.label(),
            Self::Range(range) => range.label(),
        }
    }
}

/// Windows that overlap or follow each other without a gap, as one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Not before the instant that was asked about.
    pub(crate) from: Timestamp,
    /// Exclusive.
    pub(crate) to: Timestamp,
    /// The window that opens it.
    pub(crate) window: Option<usize>,
    /// It may last longer than to `to`.
    pub(crate) is_cut: bool,
}

/// The first span that is open at this instant or later; what is after `enough` from where
/// it begins is not looked at. Without windows all time is one span.
pub(crate) fn first(
    windows: &[Window],
    zone: &TimeZone,
    at: Timestamp,
    enough: Milliseconds,
) -> Option<Span> {
    if windows.is_empty() {
        return Some(Span {
            from: at,
            to: Timestamp::MAX,
            window: None,
            is_cut: false,
        });
    }
    if at >= clock::LAST {
        return None;
    }
    let reach = |at| {
        windows
            .iter()
            .enumerate()
            .filter_map(|(index, window)| Some((window.latest(zone, at)?.to, index)))
            .max()
            .filter(|(to, _)| *to > at)
    };
    let (from, mut to, window) = match reach(at) {
        Some((to, window)) => (at, to, window),
        None => windows
            .iter()
            .enumerate()
            .filter_map(|(index, window)| Some((window.next(zone, at)?, index)))
            .map(|(next, window)| (next.from, next.to, window))
            .min()?,
    };
    let far = from.saturating_add(enough);
    for _ in 0..MAX_JOINED {
        let further = reach(to).filter(|_| to < far);
        let Some((further, _)) = further else {
            return Some(Span {
                from,
                to,
                window: Some(window),
                is_cut: to >= far,
            });
        };
        to = further;
    }
    Some(Span {
        from,
        to,
        window: Some(window),
        is_cut: true,
    })
}

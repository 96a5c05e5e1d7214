//! One zone's calendar: when devices of it may start.

use jiff::tz::TimeZone;
use windlass_sdk::{Milliseconds, Timestamp};

use crate::{
    plan::{Plan, Rest},
    span::{self, Span, Window},
};

/// The settings' dates and times as instants of one zone.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    pub(crate) zone: TimeZone,
    not_before: Timestamp,
    /// Exclusive.
    not_after: Timestamp,
    frozen: Vec<Frozen>,
    /// When the last window ends, if windows are counted.
    over: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Frozen {
    from: Timestamp,
    /// Exclusive.
    to: Timestamp,
    /// Which freeze of the plan.
    index: usize,
}

/// A span of time in which devices may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Not before the instant that was asked about.
    pub(crate) from: Timestamp,
    /// The first instant at which nothing starts any more, or one that is as far away as
    /// was asked for.
    pub(crate) until: Timestamp,
    /// The window that opens it; none if all time is open but for freezes.
    pub(crate) window: Option<usize>,
    /// Only devices that are connected.
    pub(crate) on_connect: bool,
}

/// Why nothing may start at an instant, if it may later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    NotYet,
    /// By which freeze of the plan.
    Frozen(usize),
    Window,
}

impl Calendar {
    /// The calendar of a zone.
    pub(crate) fn new(plan: &Plan, zone: TimeZone) -> Self {
        let frozen = plan.freezes.iter().enumerate().map(|(index, freeze)| {
            let zone = freeze.zone.as_ref().unwrap_or(&zone);
            Frozen {
                from: freeze.from.begins(zone),
                to: freeze.to.ends(zone),
                index,
            }
        });
        let mut calendar = Self {
            not_before: plan.not_before.map_or(0, |moment| moment.begins(&zone)),
            not_after: plan
                .not_after
                .map_or(Timestamp::MAX, |moment| moment.ends(&zone)),
            frozen: frozen.collect(),
            over: None,
            zone,
        };
        calendar.over = plan
            .rest
            .windows()
            .and_then(|windows| calendar.end_of(plan, windows));
        calendar
    }

    /// Whether there is a last window, which ends.
    pub(crate) fn counts(&self) -> bool {
        self.over.is_some()
    }

    /// The first opening that is not over at this instant. What is after `enough` from where it
    /// begins is not looked at.
    pub(crate) fn opening(
        &self,
        plan: &Plan,
        at: Timestamp,
        enough: Milliseconds,
    ) -> Option<Opening> {
        let at = at.max(self.not_before);
        let in_window = self
            .open(&plan.windows, plan.last_start, at, enough)
            .map(|(opening, _)| opening)
            .filter(|opening| self.over.is_none_or(|over| opening.from < over));
        let found = match (in_window, plan.rest, self.over) {
            (Some(opening), ..) => opening,
            (None, Rest::OnConnect { .. }, Some(over)) => {
                let (opening, _) = self.open(&[], plan.last_start, at.max(over), enough)?;
                Opening {
                    on_connect: true,
                    ..opening
                }
            }
            (None, Rest::OnConnect { .. }, None)
            | (None, Rest::NextWindow | Rest::Stop { .. }, _) => return None,
        };
        (found.from < self.not_after).then_some(Opening {
            until: found.until.min(self.not_after),
            ..found
        })
    }

    /// Why nothing may start at this instant, which is in no opening.
    pub(crate) fn closed(&self, plan: &Plan, at: Timestamp) -> Closed {
        if at < self.not_before {
            return Closed::NotYet;
        }
        if let Some(frozen) = self.covering(at) {
            return Closed::Frozen(frozen.index);
        }
        let after_windows = self.over.is_some_and(|over| at >= over);
        let windows = if after_windows {
            &[]
        } else {
            plan.windows.as_slice()
        };
        // A window that is open, and would be long enough, but for a freeze.
        let freeze = self
            .next_frozen(at)
            .filter(|frozen| frozen.from - at <= plan.last_start)
            .filter(|frozen| {
                let enough = plan.last_start.saturating_add(1);
                span::first(windows, &self.zone, at, enough)
                    .is_some_and(|span| span.from == at && span.to > frozen.from)
            });
        freeze.map_or(Closed::Window, |frozen| Closed::Frozen(frozen.index))
    }

    /// The first opening by these windows, and the span that it is a part of.
    fn open(
        &self,
        windows: &[Window],
        last_start: Milliseconds,
        at: Timestamp,
        enough: Milliseconds,
    ) -> Option<(Opening, Span)> {
        let mut at = at;
        loop {
            while let Some(frozen) = self.covering(at) {
                at = frozen.to;
            }
            if at == Timestamp::MAX {
                return None;
            }
            let span = span::first(windows, &self.zone, at, last_start.saturating_add(enough))?;
            if self.covering(span.from).is_some() {
                at = span.from;
                continue;
            }
            let freeze = self.next_frozen(span.from);
            let end = freeze.map_or(span.to, |freeze| freeze.from.min(span.to));
            if end - span.from > last_start {
                let opening = Opening {
                    from: span.from,
                    until: end - last_start,
                    window: span.window,
                    on_connect: false,
                };
                return Some((opening, span));
            }
            at = end;
        }
    }

    /// When the nth window from `not_before` on ends, of those in which something could
    /// start. None if one of them never does.
    fn end_of(&self, plan: &Plan, windows: u32) -> Option<Timestamp> {
        let mut end = self.not_before;
        for _ in 0..windows {
            let (_, span) = self.open(&plan.windows, plan.last_start, end, Milliseconds::MAX)?;
            if span.is_cut {
                return None;
            }
            end = span.to;
        }
        Some(end)
    }

    /// The freeze of an instant that lasts longest.
    fn covering(&self, at: Timestamp) -> Option<Frozen> {
        self.frozen
            .iter()
            .filter(|frozen| frozen.from <= at && at < frozen.to)
            .max_by_key(|frozen| frozen.to)
            .copied()
    }

    /// The first freeze that begins after an instant.
    fn next_frozen(&self, after: Timestamp) -> Option<Frozen> {
        self.frozen
            .iter()
            .filter(|frozen| frozen.from > after && frozen.from < frozen.to)
            .min_by_key(|frozen| frozen.from)
            .copied()
    }
}

//! A zone's wall clock, and the instants it shows.
//!
//! A wall clock skips some times and shows others twice. Here every time of it stands
//! for one instant, and later times never for earlier instants: one that is skipped
//! stands for the instant at which the clock jumps over it, and one that is shown twice
//! for the first. So nothing that happens at a time of day is ever lost, or happens twice.

use jiff::{
    Timestamp as Instant, ToSpan,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use windlass_sdk::Timestamp;

/// The calendar ends with the year 9999; a year less leaves room to reckon from any instant.
/// Later instants are taken for this one, and no window opens after it.
pub(crate) const LAST: Timestamp = 253_370_764_800_000;

/// The first instant at which the clock shows this time, or jumps over it. None if the
/// calendar does not reach so far; instants before 1970 are taken for its beginning.
pub(crate) fn first(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    let found = match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(time).ok()?,
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(time).ok()?,
        AmbiguousOffset::Gap { after, .. } => {
            let earlier = after.to_timestamp(time).ok()?;
            zone.following(earlier).next()?.timestamp()
        }
    };
    Some(millis(found))
}

/// The last instant at which the clock shows this time, or jumps over it.
pub(crate) fn last(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Fold { after, .. } => after.to_timestamp(time).ok().map(millis),
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => first(zone, time),
    }
}

/// The latest time whose instant, by [`first`], is not after this one: what the clock shows,
/// except while it shows times again.
pub(crate) fn reading(zone: &TimeZone, at: Timestamp) -> DateTime {
    let at = instant(at);
    let shown = zone.to_datetime(at);
    let AmbiguousOffset::Fold { before, after } = zone.to_ambiguous_timestamp(shown).offset()
    else {
        return shown;
    };
    if zone.to_offset(at) != after {
        return shown;
    }
    // A transition at this very instant counts.
    let inclusive = at.saturating_add(1.nanosecond()).unwrap_or(at);
    zone.preceding(inclusive).next().map_or(shown, |turn| {
        let turned = before.to_datetime(turn.timestamp());
        turned.saturating_sub(1.nanosecond())
    })
}

/// What the clock shows.
pub(crate) fn shown(zone: &TimeZone, at: Timestamp) -> DateTime {
    zone.to_datetime(instant(at))
}

pub(crate) fn millis(instant: Instant) -> Timestamp {
    Timestamp::try_from(instant.as_millisecond()).unwrap_or(0)
}

fn instant(at: Timestamp) -> Instant {
    i64::try_from(at.min(LAST))
        .ok()
        .and_then(|millis| Instant::from_millisecond(millis).ok())
        .unwrap_or(Instant::MAX)
}

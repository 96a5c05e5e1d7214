//! Tills: switched on before the shop opens and off after it closes, but for some that stay on;
//! now and then one breaks, or the line is down for a while.

use windlass_model::Timestamp;

use super::{HOUR, Spell};
use crate::draw::{Dice, Draw};

const DAY: u64 = 24 * HOUR;
const MINUTE: u64 = HOUR / 60;

/// Of the tills so many stay on at night.
const ALWAYS_ON: f64 = 0.3;
/// Of the days so many are spent broken.
const BROKEN: f64 = 0.02;
/// Of the days so many have an outage …
const OUTAGES: f64 = 0.5;
/// … of so long.
const OUTAGE: (u64, u64) = (10 * MINUTE, HOUR);
/// A till is switched on between these hours, before business begins at 8 …
const OPENS: (u64, u64) = (6 * HOUR, 8 * HOUR);
/// … and off between these, after it ended at 20.
const CLOSES: (u64, u64) = (20 * HOUR, 22 * HOUR);
/// A till that stays on has no end of a spell but an outage; one that is so far off is as good
/// as none.
const LOOKS_AHEAD_DAYS: u64 = 14;

const STAYS_ON: u64 = 0;
/// Draws of one day.
const DRAWS: u64 = 8;

/// What a day of a till is made of: whether it is online, until that time of the day.
type Parts = [(bool, u64); 5];

pub(super) fn spell(dice: Dice, device: u64, utc_offset: i32, at: Timestamp) -> Spell {
    let offset = i64::from(utc_offset) * 1000;
    let local = at.0.saturating_add_signed(offset);
    let (day, time) = (local / DAY, local % DAY);
    let parts = day_of(dice, device, day);
    let mut begin = 0;
    let mut current = (false, DAY);
    for part in parts {
        if time < part.1 {
            current = part;
            break;
        }
        begin = part.1.max(begin);
    }
    let (online, end) = current;
    let utc = |local: u64| Timestamp(local.saturating_add_signed(-offset));
    let since = if begin == 0 {
        day * DAY - night_before(dice, device, day, online)
    } else {
        day * DAY + begin
    };
    let until = if end == DAY {
        (day + 1) * DAY + days_ahead(dice, device, day + 1, online)
    } else {
        day * DAY + end
    };
    Spell {
        online,
        since: utc(since),
        until: utc(until),
    }
}

/// How long it had been in the same state when `day` began.
fn night_before(dice: Dice, device: u64, day: u64, online: bool) -> u64 {
    let mut begin = 0;
    let mut since = DAY;
    for (was, end) in day_of(dice, device, day.saturating_sub(1)) {
        if end > begin {
            since = if was == online { since.min(begin) } else { DAY };
            begin = end;
        }
    }
    DAY - since
}

/// How long from the start of `day` on it stays in the same state.
fn days_ahead(dice: Dice, device: u64, day: u64, online: bool) -> u64 {
    for ahead in 0..LOOKS_AHEAD_DAYS {
        let mut begin = 0;
        for (is, end) in day_of(dice, device, day + ahead) {
            if end > begin && is != online {
                return ahead * DAY + begin;
            }
            begin = begin.max(end);
        }
    }
    LOOKS_AHEAD_DAYS * DAY
}

/// Parts of no length are no parts.
fn day_of(dice: Dice, device: u64, day: u64) -> Parts {
    let draw = |number: u64| dice.share(Draw::Connection, device, day * DRAWS + number);
    let within = |number: u64, (low, high): (u64, u64)| {
        dice.between(Draw::Connection, (device, day * DRAWS + number), low, high)
    };
    let at_night = dice.share(Draw::Trait, device, STAYS_ON) < ALWAYS_ON;
    let opens = within(0, OPENS);
    let closes = within(1, CLOSES);
    if draw(2) < BROKEN {
        return [
            (at_night, opens),
            (false, closes),
            (at_night, DAY),
            (at_night, DAY),
            (at_night, DAY),
        ];
    }
    let (goes, comes) = if draw(3) < OUTAGES {
        let length = within(4, OUTAGE);
        let goes = within(5, (opens, closes - length));
        (goes, goes + length)
    } else {
        (opens, opens)
    };
    [
        (at_night, opens),
        (true, goes),
        (false, comes),
        (true, closes),
        (at_night, DAY),
    ]
}

//! Which cohorts the devices that may start are of.
//!
//! Cohorts are served in their order, each as far as it has devices to start.
//! But this policy cannot see what others forbid: an earlier cohort may be shut
//! by another policy's gate, and would keep all that a rate brings. So one that
//! leaves its offer alone for a while goes behind those that use theirs, and is
//! tried again now and then.
//!
//! What is taken from one cohort is given to another only at the next decision:
//! until an answer has arrived the offer before it is in force, and both
//! together must not exceed the rate.

use serde::{Deserialize, Serialize};
use windlass_sdk::{CohortView, View};

use crate::clock::{Mark, TICK};

/// How long an offer may be left alone before the cohort goes behind others:
/// two ticks, since a device starts well within one if nothing stops it.
const PATIENCE: Mark = 2 * TICK;

/// How long a cohort stays behind others that use their offers. Each trial
/// costs those up to two ticks of a minute's allowance.
const RETRY: Mark = 60 * TICK;

/// The most cohorts served at once, so that a memo stays small; later ones wait
/// until those before them have nothing to start.
const MAX_SEATS: usize = 100;

/// What a cohort was allowed and since when it has made no use of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    cohort: usize,
    since: Mark,
    started: u64,
    ended: u64,
    /// How many devices more than `started` may start.
    room: u64,
}

/// Who may start how much.
#[derive(Debug)]
pub(crate) struct Deal {
    /// One per cohort: how many devices may start besides those that did.
    pub(crate) rooms: Vec<u64>,
    pub(crate) offers: Vec<Offer>,
    /// Some cohort could start more than it was given.
    pub(crate) hungry: bool,
    /// When another deal is due though nothing happened.
    pub(crate) again: Option<Mark>,
}

/// A cohort that has devices to start.
#[derive(Debug)]
struct Seat {
    cohort: usize,
    startable: u64,
    started: u64,
    ended: u64,
    /// What may still start by the decision before.
    exposed: u64,
    /// Since when it has left its offer alone.
    since: Option<Mark>,
    behind: bool,
    room: u64,
}

pub(crate) fn startable(cohort: &CohortView) -> u64 {
    cohort.states.pending.saturating_add(cohort.states.admitted)
}

pub(crate) fn deal(allowance: u64, view: &View, offers: &[Offer], now: Mark) -> Deal {
    let mut seats = seats(view, offers, now);
    let all_behind = seats.iter().all(|seat| seat.behind);
    if !all_behind {
        for seat in &mut seats {
            let waited = seat.since.map_or(0, |since| now.saturating_sub(since));
            if waited >= RETRY {
                (seat.behind, seat.since) = (false, None);
            }
        }
    }
    let turning = share_out(&mut seats, allowance, now);
    let hungry = seats.iter().any(|seat| seat.room < seat.startable);
    let exposed: u64 = offers
        .iter()
        .filter_map(|offer| Some(offer.exposed(view.cohorts.get(offer.cohort)?)))
        .sum();
    let withheld = withhold(&mut seats, allowance.saturating_sub(exposed));

    let mut rooms = vec![0; view.cohorts.len()];
    for seat in &seats {
        rooms[seat.cohort] = seat.room;
    }
    let patience = seats
        .iter()
        .filter(|seat| hungry && seats.len() > 1 && !seat.behind && seat.room > 0)
        .map(|seat| seat.since.unwrap_or(now).saturating_add(PATIENCE));
    let again = patience
        .chain(withheld.then(|| now.saturating_add(TICK)))
        .chain(turning.then(|| (now / RETRY + 1) * RETRY))
        .min();
    let offers = seats.iter().filter_map(|seat| seat.offer(now)).collect();
    Deal {
        rooms,
        offers,
        hungry,
        again,
    }
}

fn seats(view: &View, offers: &[Offer], now: Mark) -> Vec<Seat> {
    let startable = view
        .cohorts
        .iter()
        .enumerate()
        .filter(|(_, cohort)| startable(cohort) > 0);
    let seat = |(index, cohort): (usize, &CohortView)| {
        let offer = offers.iter().find(|offer| offer.cohort == index);
        let unused = offer.filter(|offer| !offer.touched(cohort));
        // A clock that went back would keep a cohort waiting for hours.
        let since = unused.map(|offer| offer.since.min(now));
        Seat {
            cohort: index,
            startable: self::startable(cohort),
            started: cohort.started,
            ended: cohort.ended,
            exposed: offer.map_or(0, |offer| offer.exposed(cohort)),
            since,
            behind: since.is_some_and(|since| now - since >= PATIENCE),
            room: 0,
        }
    };
    startable.take(MAX_SEATS).map(seat).collect()
}

/// Gives each seat the room that it should have. Says whether those behind take
/// turns.
fn share_out(seats: &mut [Seat], allowance: u64, now: Mark) -> bool {
    let mut left = allowance;
    for seat in seats.iter_mut().filter(|seat| !seat.behind) {
        seat.room = seat.startable.min(left);
        left -= seat.room;
    }
    let mut behind: Vec<&mut Seat> = seats.iter_mut().filter(|seat| seat.behind).collect();
    // With less than one device for each they take turns by the minute.
    let turning = left > 0 && (left as usize) < behind.len();
    if turning {
        let turn = (now / RETRY) as usize % behind.len();
        behind.rotate_left(turn);
    }
    while left > 0 {
        let wanting = behind.iter().filter(|seat| seat.room < seat.startable);
        let Some(share) = left.checked_div(wanting.count() as u64) else {
            break;
        };
        for seat in &mut behind {
            let more = share.max(1).min(left).min(seat.startable - seat.room);
            seat.room += more;
            left -= more;
        }
    }
    turning
}

/// Cuts what is given anew down to what nobody else may still take, those ahead
/// first. Says whether that was too little.
fn withhold(seats: &mut [Seat], mut free: u64) -> bool {
    let mut withheld = false;
    seats.sort_by_key(|seat| seat.behind);
    for seat in seats.iter_mut() {
        let growth = seat.room.saturating_sub(seat.exposed);
        let granted = growth.min(free);
        free -= granted;
        seat.room -= growth - granted;
        withheld |= granted < growth;
    }
    withheld
}

impl Seat {
    /// What is to be remembered of it: that it has an offer, or left one alone.
    fn offer(&self, now: Mark) -> Option<Offer> {
        (self.room > 0 || self.since.is_some()).then_some(Offer {
            cohort: self.cohort,
            since: self.since.unwrap_or(now),
            started: self.started,
            ended: self.ended,
            room: self.room,
        })
    }
}

impl Offer {
    /// Whether a device started, or one ended and may have made room for another.
    fn touched(&self, cohort: &CohortView) -> bool {
        cohort.started != self.started || cohort.ended != self.ended
    }

    fn exposed(&self, cohort: &CohortView) -> u64 {
        let ceiling = self.started.saturating_add(self.room);
        ceiling.saturating_sub(cohort.started)
    }
}

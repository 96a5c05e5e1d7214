//! From what has started and failed to what may start now.

use windlass_sdk::{Ceiling, Decision, Reason, Timestamp, Verdict, View};

use crate::bucket::Bucket;
use crate::clock::{Clock, TICK};
use crate::criterion::judge;
use crate::deal::{Deal, deal, startable};
use crate::memo::Memo;
use crate::plan::Plan;
use crate::ramp::PerMinute;
use crate::reasons;
use crate::settings::Action;
use crate::triggers::triggers;

/// How long a decision holds, in milliseconds. Ceilings are absolute, so one
/// that outlives the engine's attention lets no more start than it gave; this
/// bounds how long it may take to do so.
const VALID: u64 = 30_000;

pub(crate) fn decide(plan: &Plan, view: &View, memo: &[u8]) -> Decision {
    let Some(mut state) = Memo::read(memo) else {
        return still(
            view,
            memo.to_vec(),
            Verdict::Hold,
            reasons::memo_unreadable(),
        );
    };
    if state.stopped.is_none() {
        state.stopped = judge(&plan.abort, view);
    }
    if let Some(stopped) = &state.stopped {
        let verdict = match stopped.action {
            Action::Abort => Verdict::Abort,
            Action::RollBack => Verdict::RollBack,
        };
        return still(view, state.write(), verdict, reasons::stopped(stopped));
    }
    let answer = match plan.rate {
        Some(ramp) => limited(view, &mut state, ramp.at(view)),
        None => Answer {
            ceilings: vec![Ceiling::UNLIMITED; view.cohorts.len()],
            reasons: Vec::new(),
            ask_at: None,
        },
    };
    Decision {
        ceilings: answer.ceilings,
        valid_until: view.now.saturating_add(VALID),
        verdict: Verdict::Continue,
        reasons: answer.reasons,
        memo: state.write(),
        ask_at: answer.ask_at,
        triggers: triggers(&plan.abort, view),
        rechecks: Vec::new(),
    }
}

struct Answer {
    ceilings: Vec<Ceiling>,
    reasons: Vec<Reason>,
    ask_at: Option<Timestamp>,
}

/// Nothing starts.
fn still(view: &View, memo: Vec<u8>, verdict: Verdict, reason: Reason) -> Decision {
    let shut = Ceiling {
        started: 0,
        in_progress: 0,
    };
    Decision {
        ceilings: vec![shut; view.cohorts.len()],
        valid_until: view.now.saturating_add(VALID),
        verdict,
        reasons: vec![reason],
        memo,
        ask_at: None,
        triggers: Vec::new(),
        rechecks: Vec::new(),
    }
}

fn limited(view: &View, state: &mut Memo, rate: PerMinute) -> Answer {
    let clock = Clock::of(view);
    let started = view.cohorts.iter().map(|cohort| cohort.started).sum();
    let bucket = match state.bucket {
        Some(bucket) => bucket.seen(rate, started, clock.now),
        None => Bucket::new(rate, started, clock.now),
    };
    let filled = bucket.whole(clock.now);
    // No minute's starts exceed the rate: whatever starts from now on until a
    // minute has passed comes on top of these. Retries are starts too, but
    // ceilings cannot hold them back; first starts make room for them.
    let within_minute = rate.get().saturating_sub(view.starts_last_minute);
    let Deal {
        rooms,
        offers,
        hungry,
        again,
    } = deal(filled.min(within_minute), view, &state.offers, clock.now);
    state.bucket = Some(bucket);
    state.offers = offers;

    let refill = if within_minute < filled {
        Some(clock.now.saturating_add(TICK))
    } else {
        bucket.next_whole(clock.now)
    };
    let asks = refill.filter(|_| hungry).into_iter().chain(again);
    let ceilings = view
        .cohorts
        .iter()
        .zip(rooms)
        .map(|(cohort, room)| Ceiling {
            started: cohort.started.saturating_add(room),
            in_progress: u64::MAX,
        });
    let waiting = view.cohorts.iter().any(|cohort| startable(cohort) > 0);
    Answer {
        ceilings: ceilings.collect(),
        reasons: waiting
            .then(|| reasons::rate_limited(rate))
            .into_iter()
            .collect(),
        ask_at: asks.map(|mark| clock.wall(mark)).min(),
    }
}

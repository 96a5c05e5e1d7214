//! Asking succeeded devices again what they run, because a policy wants to know it before it
//! goes on (design §7.12). One cohort at a time; what is counted is in its
//! [`CohortView`](windlass_model::CohortView). `round` is what is known of the devices, `answer`
//! what becomes of them.

mod answer;
mod round;

use std::time::Duration;

use windlass_model::{Change, CohortIndex, EventKind, Recheck, RolloutState, StateKind, Timestamp};

pub(super) use self::round::Rechecks;
use self::round::{Finding, Question, Round};
use super::{Rollout, timer::monotonic};
use crate::{Effect, Now, Resources, Succeeded};

/// Devices asked at once, at least: as many as the host answers whatever the concurrency.
const AT_ONCE: usize = 8;
/// And of the transfers allowed at once, one for so many: a quarter of the places that the host
/// keeps for questions, so that those of attempts in hand hardly wait for these.
const SLOTS_PER_QUESTION: usize = 8;
/// How long a round asks. A soak must not be held up for ever by devices that are away, nor by
/// a plugin that fails.
const ROUND_LIMIT: Duration = Duration::from_secs(3600);
/// Between two rounds: a policy that never has enough must not keep the fleet busy.
const REST: Duration = Duration::from_secs(5);

impl Rollout {
    /// Whether succeeded devices may be asked. Asking starts nothing, so a hold is no obstacle.
    fn may_recheck(&self) -> bool {
        matches!(self.state, RolloutState::Running | RolloutState::Holding)
            && self.stop.is_none()
            && self.breakers.open_until().is_none()
    }

    /// Whether a round goes on, or is about to begin.
    pub(super) fn is_rechecking(&self, now: Now) -> bool {
        let due = |due| due <= now.monotonic + REST;
        self.may_recheck() && (self.rechecks.round.is_some() || self.recheck_due().is_some_and(due))
    }

    /// Begins the round that is wanted, asks for its next page, and asks whom it may.
    pub(super) fn recheck(&mut self, now: Now, resources: &Resources) {
        if !self.may_recheck() {
            if let Some(round) = &mut self.rechecks.round {
                round.since = None;
            }
            return;
        }
        self.begin_round(now);
        let can_ask = self.asks_devices();
        let Some(round) = &mut self.rechecks.round else {
            return;
        };
        let since = *round.since.get_or_insert(now.monotonic);
        if !round.gave_up && (!can_ask || since + ROUND_LIMIT <= now.monotonic) {
            round.stop_asking();
        }
        self.ask_succeeded(now, resources);
        self.count_findings(now, false);
        let page = self.rechecks.round.as_mut().and_then(|round| {
            let (after, limit) = round.wants_page()?;
            let cohort = round.cohort;
            Some(Effect::PageSucceeded {
                cohort,
                after,
                limit,
            })
        });
        self.effects.extend(page);
    }

    fn ask_succeeded(&mut self, now: Now, resources: &Resources) {
        let width = AT_ONCE.max(resources.slots.capacity().get() / SLOTS_PER_QUESTION);
        while self.rechecks.asking() < width
            && let Some(question) = self.rechecks.next(now.monotonic)
        {
            let Question {
                assignment,
                device,
                attempt,
            } = question;
            if resources.fences.other(self.key, device).is_none() {
                self.effects.push(Effect::Recheck {
                    assignment,
                    device,
                    attempt,
                });
            } else if let Some(round) = &mut self.rechecks.round {
                // Another rollout is bringing it something else.
                round.answered(assignment, attempt);
                round.find(assignment, Finding::Unconfirmed);
            }
        }
    }

    fn begin_round(&mut self, now: Now) {
        let ready = self.rechecks.round.is_none() && self.rechecks.rests_until <= now.monotonic;
        let wished = self
            .wishes()
            .find(|(_, since)| ready && *since <= now.wall)
            .map(|(cohort, _)| cohort);
        let Some(cohort) = wished else {
            return;
        };
        let can_ask = self.asks_devices();
        let Some(view) = self.cohorts.get_mut(cohort.0 as usize) else {
            return;
        };
        let devices = view.states.get(StateKind::Succeeded);
        let name = view.name.clone();
        let mut counts = Recheck::begin(now.wall);
        // If nobody is asked, nobody needs to be read.
        let over = devices == 0 || !can_ask;
        if over {
            counts.ended = Some(now.wall);
            counts.unconfirmed = devices;
        }
        view.recheck = Some(counts);
        let started = EventKind::RecheckStarted {
            cohort: name,
            devices,
        };
        self.emit(now, started);
        self.change(Change::Recheck {
            cohort,
            round: Some(counts),
            after: None,
        });
        if over {
            self.round_ended(now, cohort);
        } else {
            self.rechecks.round = Some(Round::new(cohort, None));
        }
    }

    /// What policies wish and do not have yet.
    fn wishes(&self) -> impl Iterator<Item = (CohortIndex, Timestamp)> {
        let unmet = self.decider.rechecks().filter_map(|wish| {
            let view = self.cohorts.get(wish.cohort.0 as usize)?;
            let had = view.recheck.is_some_and(|round| round.began >= wish.since);
            (!had).then_some((wish.cohort, wish.since))
        });
        // When every device has ended, nothing depends on it any more. Looked at last: it is asked
        // in every step, and mostly nothing is wished.
        unmet.filter(|_| {
            let mut cohorts = self.cohorts.iter();
            cohorts.any(|cohort| cohort.states.ended() < cohort.states.total())
        })
    }

    pub(super) fn succeeded_read(&mut self, now: Now, rows: Vec<Succeeded>, exhausted: bool) {
        if let Some(round) = &mut self.rechecks.round {
            round.read(now.monotonic, rows, exhausted);
            self.count_findings(now, false);
        }
    }

    /// Counts what was found so far, and ends the round if that was all. `news`: it is to be
    /// kept in any case.
    fn count_findings(&mut self, now: Now, news: bool) {
        let Some(round) = &mut self.rechecks.round else {
            return;
        };
        let cohort = round.cohort;
        let view = self.cohorts.get_mut(cohort.0 as usize);
        let Some(counts) = view.and_then(|view| view.recheck.as_mut()) else {
            debug_assert!(false, "a round that goes on is counted");
            return;
        };
        let counted = round.count(counts);
        let over = round.is_over();
        if over {
            counts.ended = Some(now.wall);
        }
        if !counted && !over && !news {
            return;
        }
        let kept = Change::Recheck {
            cohort,
            round: Some(*counts),
            after: round.counted,
        };
        self.change(kept);
        if over {
            self.rechecks.round = None;
            self.round_ended(now, cohort);
        }
    }

    fn round_ended(&mut self, now: Now, cohort: CohortIndex) {
        self.rechecks.rests_until = now.monotonic + REST;
        let view = self.cohorts.get(cohort.0 as usize);
        let Some((view, counts)) = view.and_then(|view| Some((view, view.recheck?))) else {
            return;
        };
        let ended = EventKind::RecheckEnded {
            cohort: view.name.clone(),
            confirmed: counts.confirmed,
            regressed: counts.regressed,
            unconfirmed: counts.unconfirmed,
        };
        self.emit(now, ended);
        self.decider.urge();
    }

    /// Nothing depends any more on what devices run.
    pub(super) fn give_up_recheck(&mut self) {
        if let Some(cohort) = self.rechecks.give_up() {
            if let Some(view) = self.cohorts.get_mut(cohort.0 as usize) {
                view.recheck = None;
            }
            self.change(Change::Recheck {
                cohort,
                round: None,
                after: None,
            });
        }
    }

    /// When something is to be done about it by the clock.
    pub(super) fn recheck_due(&self) -> Option<Duration> {
        if !self.may_recheck() {
            return None;
        }
        let Some(round) = &self.rechecks.round else {
            let since = self.wishes().map(|(_, since)| since).min()?;
            return Some(monotonic(self.now, since).max(self.rechecks.rests_until));
        };
        let limit = round.since.filter(|_| !round.gave_up);
        let limit = limit.map(|since| since + ROUND_LIMIT);
        let next = round.next_due(self.now.monotonic);
        next.into_iter().chain(limit).min()
    }
}

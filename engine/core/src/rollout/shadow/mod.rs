//! Policies that are asked and never obeyed. Each has cohorts of its own, whose counts move with
//! those in force, and a decider of its own. What it says is kept and compared; nothing else of
//! the rollout reads it, and it wakes nobody: it is asked when the rollout looks at itself anyway.

mod compare;
mod tally;

use std::collections::BTreeSet;

use windlass_model::{
    AssignmentId, Change, ChangeSet, CohortIndex, CohortView, Comparison, Covered, Decision,
    DecisionAnswer, Event, EventKind, Members, PluginPin, Recheck, RolloutKey, RolloutState,
    ShadowChange, ShadowKey, ShadowSnapshot, SignalName, Stance, StateKind, Timestamp, View,
};

use self::compare::KEPT_EVERY;
use super::{Rollout, counts, decide::Decider, recount};
use crate::{Effect, Now, ShadowRequest};

/// The policies in shadow of a rollout, and what the store does not know of them.
#[derive(Debug)]
pub(super) struct Shadows {
    rollout: RolloutKey,
    all: Vec<Shadow>,
    changes: Vec<Change>,
    events: Vec<Event>,
}

#[derive(Debug)]
struct Shadow {
    key: ShadowKey,
    pin: PluginPin,
    decider: Decider,
    cohorts: Vec<CohortView>,
    /// What the cohorts' counts cover.
    covered: Covered,
    members: Members,
    /// The signals that it wants to see.
    wanted: Vec<SignalName>,
    /// Devices that had been started when it was asked.
    started: u64,
    in_force: InForce,
    /// What it said at a moment at which the policies in force have not answered yet.
    said: Option<(Timestamp, Stance)>,
    comparison: Comparison,
    /// Since when the store knows another comparison.
    unkept: Option<Timestamp>,
    /// Cohorts whose first start or last end the store does not know.
    touched: BTreeSet<CohortIndex>,
}

/// What the policies in force said at the moment at which a shadow was asked.
#[derive(Debug)]
enum InForce {
    /// Nothing that could be compared.
    Silent,
    /// They were asked too and have not answered.
    Asked,
    Said(Stance),
}

impl Shadows {
    pub(super) fn new(rollout: RolloutKey, shadows: Vec<ShadowSnapshot>) -> Self {
        Self {
            rollout,
            all: shadows.into_iter().map(Shadow::new).collect(),
            changes: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Goes by what the store has now: those that it had before go on as they are.
    pub(super) fn follow(&mut self, shadows: Vec<ShadowSnapshot>) {
        let mut before = std::mem::take(&mut self.all);
        for snapshot in shadows {
            let known = before.iter().position(|one| one.key == snapshot.key);
            self.all.push(match known {
                Some(place) => before.swap_remove(place),
                None => Shadow::new(snapshot),
            });
        }
    }

    /// What the policies in force were asked is not answered any more.
    pub(super) fn withdraw(&mut self) {
        for shadow in &mut self.all {
            shadow.in_force = InForce::Silent;
            shadow.said = None;
        }
    }

    pub(super) fn watch(&mut self, wanted: &[(PluginPin, Vec<SignalName>)]) {
        for shadow in &mut self.all {
            let names = wanted.iter().find(|(pin, _)| *pin == shadow.pin);
            shadow.wanted = names.map_or_else(Vec::new, |(_, names)| names.clone());
        }
    }

    /// Something was counted of an assignment.
    pub(super) fn count<T>(&mut self, id: AssignmentId, edit: impl Fn(&mut CohortView) -> T) {
        for shadow in &mut self.all {
            // The others are counted when they are read.
            if shadow.covered.covers(id) {
                let index = shadow.members.cohort(id);
                shadow.count(index, &edit);
            }
        }
    }

    /// Something was counted of every cohort. Of what is not covered it is seen when it is read.
    pub(super) fn count_all<T>(&mut self, edit: impl Fn(&mut CohortView) -> T) {
        for shadow in &mut self.all {
            let cohorts = (0..).map(CohortIndex).take(shadow.cohorts.len());
            for index in cohorts {
                shadow.count(index, &edit);
            }
        }
    }

    /// Further devices joined: they are in the last cohort, as in those in force.
    pub(super) fn grown(&mut self, added: u64) {
        for shadow in &mut self.all {
            if shadow.covered == Covered::All {
                let last = shadow.members.last;
                shadow.count(last, &|cohort| counts::grown(cohort, added));
            }
        }
    }

    /// A person resumed: what overrules policies in force overrules these.
    pub(super) fn overrule(&mut self) {
        for shadow in &mut self.all {
            shadow.decider.overrule();
        }
    }

    /// The policies in force answered: those that answered before are compared now.
    pub(super) fn answered_in_force(
        &mut self,
        now: Timestamp,
        decider: &Decider,
        cohorts: &[CohortView],
    ) {
        for shadow in &mut self.all {
            if !matches!(shadow.in_force, InForce::Asked) {
                continue;
            }
            let Some(stance) = decider.stance(cohorts, shadow.started) else {
                shadow.in_force = InForce::Silent;
                continue;
            };
            match shadow.said.take() {
                Some((at, said)) => {
                    shadow.in_force = InForce::Silent;
                    shadow.compare(now, at, stance, said);
                }
                None => shadow.in_force = InForce::Said(stance),
            }
        }
    }

    /// Everything that was counted is to be kept now.
    pub(super) fn settle(&mut self) {
        for shadow in &mut self.all {
            shadow.take_repeats(&mut self.changes);
            shadow.take_comparison(&mut self.changes);
        }
    }

    /// Adds what the store is to know.
    pub(super) fn keep(&mut self, now: Timestamp, set: &mut ChangeSet) {
        for shadow in &mut self.all {
            if shadow
                .unkept
                .is_some_and(|since| now.since(since) >= KEPT_EVERY)
            {
                shadow.take_comparison(&mut self.changes);
            }
            // That they are kept says that they were counted.
            if shadow.covered != Covered::All {
                continue;
            }
            for cohort in std::mem::take(&mut shadow.touched) {
                if let Some(view) = shadow.cohorts.get(cohort.0 as usize) {
                    let times = ShadowChange::Times {
                        cohort,
                        first_started: view.first_started,
                        last_ended: view.last_ended,
                    };
                    self.changes.push(Change::Shadow(shadow.key, times));
                }
            }
        }
        set.changes.append(&mut self.changes);
        // Before what else happened in the step: the end of a run is its last event.
        set.events.splice(0..0, self.events.drain(..));
    }
}

impl Shadow {
    fn new(snapshot: ShadowSnapshot) -> Self {
        let pin = snapshot.pin;
        Self {
            key: snapshot.key,
            decider: Decider::new(vec![pin.clone()], vec![snapshot.decision], Vec::new(), None),
            pin,
            cohorts: snapshot.cohorts.into_iter().map(recount).collect(),
            covered: snapshot.covered,
            members: snapshot.members,
            wanted: Vec::new(),
            started: 0,
            in_force: InForce::Silent,
            said: None,
            comparison: snapshot.comparison,
            unkept: None,
            touched: BTreeSet::new(),
        }
    }

    fn count<T>(&mut self, index: CohortIndex, edit: &impl Fn(&mut CohortView) -> T) {
        let Some(cohort) = self.cohorts.get_mut(index.0 as usize) else {
            debug_assert!(false, "{index:?} is a cohort");
            return;
        };
        let before = (cohort.first_started, cohort.last_ended);
        edit(cohort);
        if before != (cohort.first_started, cohort.last_ended) {
            self.touched.insert(index);
        }
        self.decider.counted(index, cohort);
    }

    /// Whether it is to be asked now; `with_others` if the policies in force are.
    fn is_due(&self, now: Now, with_others: bool) -> bool {
        if self.covered != Covered::All {
            return false;
        }
        // An answer of the policies in force that is still to come would belong to two moments.
        if matches!(self.in_force, InForce::Asked) && self.said.is_some() {
            return false;
        }
        let Some(due) = self.decider.next_ask(now) else {
            return false;
        };
        due <= now.monotonic || (with_others && !self.decider.has_failed())
    }

    fn take_repeats(&mut self, changes: &mut Vec<Change>) {
        for repetition in self.decider.take_repeats() {
            let repeated = ShadowChange::Repeated {
                times: repetition.times,
                last: repetition.last,
            };
            changes.push(Change::Shadow(self.key, repeated));
        }
    }

    fn take_comparison(&mut self, changes: &mut Vec<Change>) {
        if self.unkept.take().is_some() {
            let compared = ShadowChange::Compared(Box::new(self.comparison.clone()));
            changes.push(Change::Shadow(self.key, compared));
        }
    }
}

impl Rollout {
    /// Asks the policies in shadow that are to be asked, if those in force would be heard.
    pub(super) fn ask_shadows(&mut self, now: Now) {
        let heard = match self.state {
            RolloutState::Running | RolloutState::Holding | RolloutState::Paused => {
                self.stop.is_none() && self.finished.is_none()
            }
            RolloutState::Draft
            | RolloutState::Aborting
            | RolloutState::Aborted
            | RolloutState::Completed => false,
        };
        let asked = self.decider.is_asked();
        let with_others = asked && self.decider.shown() == now.wall;
        let due = |shadow: &Shadow| shadow.is_due(now, with_others);
        // A question of another moment is to be answered by those in force first.
        if !heard || (asked && !with_others) || !self.shadows.all.iter().any(due) {
            return;
        }
        let base = self.view(now);
        let started = base.cohorts.iter().map(|cohort| cohort.started).sum();
        let mut requests = Vec::new();
        for shadow in &mut self.shadows.all {
            if !shadow.is_due(now, with_others) {
                continue;
            }
            let view = shadow.view(&base);
            let signals = vec![self.signals.of(&shadow.wanted, now.wall)];
            shadow.started = started;
            shadow.in_force = if asked {
                InForce::Asked
            } else {
                let stance = self.decider.stance(&self.cohorts, started);
                stance.map_or(InForce::Silent, InForce::Said)
            };
            let asked = shadow.decider.ask(now, view, signals);
            requests.extend(asked.into_iter().map(|request| ShadowRequest {
                shadow: shadow.key,
                pin: shadow.pin.clone(),
                view: request.view,
                memo: request.memo,
            }));
        }
        self.effects.push(Effect::AskShadows { requests });
    }

    pub(super) fn shadow_answered(
        &mut self,
        now: Now,
        key: ShadowKey,
        answer: Result<Decision, String>,
    ) {
        let shadows = &mut self.shadows;
        // One that was taken out meanwhile has nothing to say.
        if let Some(shadow) = shadows.all.iter_mut().find(|one| one.key == key) {
            let mut log = Log {
                rollout: shadows.rollout,
                changes: &mut shadows.changes,
                events: &mut shadows.events,
            };
            shadow.answered(now, answer, &mut log);
        }
    }
}

/// Where an answer goes.
struct Log<'a> {
    rollout: RolloutKey,
    changes: &'a mut Vec<Change>,
    events: &'a mut Vec<Event>,
}

impl Shadow {
    /// What the policies in force see, by its own cohorts. An order to go on past the end of a
    /// cohort speaks of the one that has its name here.
    fn view(&self, base: &View) -> View {
        let advances = base.advances.iter().filter_map(|advance| {
            let mut advance = advance.clone();
            if let Some(of) = advance.cohort {
                let name = &base.cohorts.get(of.0 as usize)?.name;
                let mut own = (0..).map(CohortIndex).zip(&self.cohorts);
                let (index, _) = own.find(|(_, cohort)| cohort.name == *name)?;
                advance.cohort = Some(index);
            }
            Some(advance)
        });
        View {
            cohorts: self.cohorts.clone(),
            advances: advances.collect(),
            ..base.clone()
        }
    }

    /// Nobody asks devices for the sake of a shadow. A round that it wishes is over at once, and
    /// found that whoever succeeded runs the release: those that the rounds in force found to have
    /// fallen back do not count as succeeded any more. Without an answer it would wait for ever,
    /// and every later moment would differ for that reason alone.
    fn assume_verified(&mut self, now: Timestamp, decision: &Decision) {
        for wish in &decision.rechecks {
            let Some(cohort) = self.cohorts.get_mut(wish.cohort.0 as usize) else {
                continue;
            };
            let had = cohort
                .recheck
                .is_some_and(|round| round.began >= wish.since);
            if !had && wish.since <= now {
                let mut round = Recheck::begin(now);
                round.ended = Some(now);
                round.confirmed = cohort.states.get(StateKind::Succeeded);
                cohort.recheck = Some(round);
                self.decider.urge();
            }
        }
    }

    fn answered(&mut self, now: Now, answer: Result<Decision, String>, log: &mut Log<'_>) {
        let moment = self.decider.shown();
        let answer = answer.inspect(|decision| self.assume_verified(now.wall, decision));
        let Some(noted) = self.decider.accept(now, vec![answer], &self.cohorts) else {
            // It was asked by an earlier process, or before it was taken out and put back.
            return;
        };
        if !noted.is_empty() || self.decider.repeats_are_overdue(now.wall) {
            self.take_repeats(log.changes);
        }
        for noted in noted {
            if let DecisionAnswer::Failed(message) = &noted.record.answer
                && noted.is_news
            {
                log.events.push(Event {
                    at: now.wall,
                    rollout: Some(log.rollout),
                    kind: EventKind::ShadowFailed {
                        shadow: self.pin.name.clone(),
                        message: message.clone(),
                    },
                });
            }
            let decided = ShadowChange::Decided(Box::new(noted.record));
            log.changes.push(Change::Shadow(self.key, decided));
        }
        if let Some(message) = self.decider.failure() {
            self.failed(now.wall, moment, message);
        } else if let Some(said) = self.decider.stance(&self.cohorts, self.started) {
            match std::mem::replace(&mut self.in_force, InForce::Silent) {
                InForce::Silent => {}
                InForce::Asked => {
                    self.in_force = InForce::Asked;
                    self.said = Some((moment, said));
                }
                InForce::Said(stance) => self.compare(now.wall, moment, stance, said),
            }
        }
    }
}

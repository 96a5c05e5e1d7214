//! One rollout: what it keeps, and the calls of its contract. Each file beside this one
//! holds one part of the rules.

mod attempt;
mod begin;
mod breaker;
mod clock;
mod counts;
mod decide;
mod deferral;
mod dispatch;
mod doubt;
mod failure;
mod intake;
mod ledger;
mod lifecycle;
mod live;
mod look;
mod parked;
mod parking;
mod recheck;
mod repeats;
mod replan;
mod shadow;
mod signals;
mod standing;
mod starts;
mod steer;
mod timer;
mod triggers;
mod trouble;
mod verify;
mod waits;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use windlass_model::{
    Advance, Approval, AssignmentId, ChangeSet, CohortIndex, CohortView, Outcome, PluginPin,
    Reason, Release, ReleaseKey, Rollback, RolloutKey, RolloutSettings, RolloutSnapshot,
    RolloutState, ShadowKey, SignalName, StateKind, Timestamp, VerifyMode,
};

use self::{
    attempt::Ended, breaker::Breakers, decide::Decider, intake::Intake, ledger::Move, live::Live,
    parked::Parked, recheck::Rechecks, shadow::Shadows, signals::Signals, starts::RecentStarts,
    trouble::Trouble, waits::Waits,
};
use crate::{Effect, GroupHealth, Input, Now, Output, Resources, StopCause, table};

/// What the configured deliveries can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryFacts {
    /// Devices can be asked what they run.
    pub verifies: bool,
    /// A push that reaches a device twice does no harm.
    pub idempotent_push: bool,
}

/// The state machine of one rollout and of all its assignments. See the
/// [crate's page](crate) for the contract.
#[derive(Debug)]
pub struct Rollout {
    key: RolloutKey,
    settings: RolloutSettings,
    unselected: u64,
    release: ReleaseKey,
    release_name: String,
    release_version: String,
    release_size: u64,
    facts: DeliveryFacts,

    state: RolloutState,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    paused_for: Duration,
    paused_since: Option<Timestamp>,
    rollback: Rollback,
    approvals: Vec<Approval>,
    advances: Vec<Advance>,
    signals: Signals,
    begun: bool,
    stop: Option<StopCause>,
    finished: Option<Outcome>,

    cohorts: Vec<CohortView>,
    /// Cohorts whose end was announced.
    closed: BTreeSet<CohortIndex>,
    intake: Intake,
    live: BTreeMap<AssignmentId, Live>,
    transferring: usize,
    /// Those that may start, best first.
    admitted: BTreeSet<(CohortIndex, u64, AssignmentId)>,
    /// Retries that are due and may start, longest due first.
    retries: BTreeSet<(Duration, AssignmentId)>,
    /// When the budget of retries allows the next, if that was reached.
    retries_at: Option<Duration>,
    /// Retries that are due and were not looked at for a while, longest due first.
    looks: BTreeSet<(Duration, AssignmentId)>,
    /// An answer to `Effect::Reconsider` is awaited, of these.
    judging: Vec<AssignmentId>,
    parked: Parked,
    /// When parked devices are looked at again.
    parked_look: Option<Duration>,
    /// How often a group had got room when this rollout looked last.
    freed_seen: u64,
    /// How often it was told to look at devices anew.
    refreshes: u64,
    /// Pending and deferred devices that an order moved while a page is being read.
    overtaken: BTreeSet<AssignmentId>,
    waits: Waits,
    /// Everything that the newest look went by was read after this instant.
    looked_as_of: Duration,
    /// When an assignment or the rollout itself last came into another state.
    moved_at: Duration,
    trouble: Trouble,
    rechecks: Rechecks,
    /// What the groups and fences of the engine do not know yet.
    moves: Vec<Move>,
    timers: BTreeSet<(Duration, AssignmentId)>,
    starts: RecentStarts,
    decider: Decider,
    shadows: Shadows,
    breakers: Breakers,
    attempt_ids_wanted: bool,
    /// Why nothing starts, while the rollout holds or is paused.
    reasons: Vec<Reason>,

    /// The clocks at the last call, to turn wall-clock instants into timers.
    now: Now,
    /// The clocks when a step was looked for last.
    clocks: Now,
    changes: ChangeSet,
    effects: Vec<Effect>,
}

impl Rollout {
    /// Takes a rollout up from what the store has. Nothing happens before
    /// [`Input::Begin`].
    pub fn load(
        snapshot: RolloutSnapshot,
        release: &Release,
        facts: DeliveryFacts,
        now: Now,
    ) -> Self {
        let stored = snapshot.rollout;
        let closed = replan::closed(&snapshot.cohorts);
        let cohorts: Vec<_> = snapshot.cohorts.into_iter().map(recount).collect();
        Self {
            key: stored.key,
            settings: stored.plan.settings,
            unselected: stored.plan.unselected,
            release: stored.plan.release,
            release_name: release.name.clone(),
            release_version: release.version.clone(),
            release_size: release.size,
            facts,
            state: stored.state,
            started_at: stored.started_at,
            ended_at: stored.ended_at,
            paused_for: stored.paused_for,
            paused_since: stored.paused_since,
            rollback: stored.rollback,
            approvals: snapshot.approvals,
            advances: snapshot.advances,
            signals: Signals::new(snapshot.signals),
            begun: false,
            stop: None,
            finished: None,
            closed,
            intake: Intake::new(cohorts.len(), snapshot.next_deferred, snapshot.timed),
            // Of a process that is gone; `Begin` settles them.
            transferring: snapshot
                .live
                .iter()
                .filter(|row| table::meaning(row.state.kind()).holds_slot)
                .count(),
            cohorts,
            live: snapshot
                .live
                .into_iter()
                .map(|row| (row.id, Live::new(row)))
                .collect(),
            admitted: BTreeSet::new(),
            retries: BTreeSet::new(),
            retries_at: None,
            looks: BTreeSet::new(),
            judging: Vec::new(),
            parked: Parked::default(),
            parked_look: None,
            freed_seen: 0,
            refreshes: 0,
            overtaken: BTreeSet::new(),
            waits: Waits::default(),
            looked_as_of: now.monotonic,
            moved_at: now.monotonic,
            trouble: Trouble::default(),
            rechecks: Rechecks::new(snapshot.rechecking),
            moves: Vec::new(),
            timers: BTreeSet::new(),
            starts: RecentStarts::default(),
            decider: Decider::new(
                stored.plan.policies,
                snapshot.decisions,
                snapshot.memos,
                snapshot.probation.as_ref(),
            ),
            shadows: Shadows::new(stored.key, snapshot.shadows),
            breakers: Breakers::default(),
            attempt_ids_wanted: false,
            reasons: Vec::new(),
            now,
            clocks: now,
            changes: ChangeSet::new(stored.key),
            effects: Vec::new(),
        }
    }

    /// Shows the policies what was counted at most once in `interval`, which is a second
    /// otherwise and at least: for a simulation, in which a month passes in a minute. What
    /// they watch for is shown at once all the same, and they are asked when they want to be.
    pub fn coalesce_decisions(&mut self, interval: Duration) {
        self.decider.coalesce(interval);
    }

    /// Which signals each policy wants to see, in configured order. Until it is told, none.
    pub fn watch(&mut self, wanted: Vec<Vec<SignalName>>) {
        self.signals.watch(wanted);
    }

    /// Which signals the policies in shadow want to see, each with those of its own. Until it is
    /// told, none.
    pub fn watch_in_shadow(&mut self, wanted: Vec<(PluginPin, Vec<SignalName>)>) {
        let all: BTreeSet<_> = wanted
            .iter()
            .flat_map(|(_, names)| names)
            .cloned()
            .collect();
        self.signals.watch_in_shadow(all.into_iter().collect());
        self.shadows.watch(&wanted);
    }

    /// Has the next output hold all that was counted of policies in shadow: one of them may be
    /// dropped after it.
    pub fn keep_shadows(&mut self) {
        self.shadows.settle();
    }

    /// A new shadow whose cohorts are still to be counted, and the assignment from which on.
    ///
    /// Whoever drives the rollout reads some from there on and gives them by
    /// [`Input::Tallied`], as they are when all its changes are committed and before it is given
    /// anything else. What moves later counts by itself. The shadow is not asked before.
    pub fn to_tally(&self) -> Option<(ShadowKey, AssignmentId)> {
        let goes_on = self.begun && self.finished.is_none();
        self.shadows.to_tally().filter(|_| goes_on)
    }

    /// Digests one input. Starts nothing and asks for nothing that
    /// [`Rollout::dispatch`] asks for.
    pub fn handle(&mut self, now: Now, input: Input, resources: &mut Resources) {
        self.now = now;
        if self.finished.is_some() {
            return;
        }
        if let Input::Begin { seats } = input {
            self.begin(now, seats, resources);
        } else if self.begun {
            self.digest(now, input, resources);
        } else {
            debug_assert!(false, "{input:?} came before Begin");
        }
        self.account(resources);
        self.conclude(now);
    }

    fn digest(&mut self, now: Now, input: Input, resources: &mut Resources) {
        match input {
            Input::Begin { .. } => {}
            Input::Page {
                cohort,
                candidates,
                exhausted,
                health,
            } => {
                let as_of = self.looked(&health);
                resources.groups.heed(health);
                self.page_read(now, cohort, candidates, exhausted, as_of, resources);
            }
            Input::Deferred {
                candidates,
                next_due,
                health,
            } => {
                let as_of = self.looked(&health);
                resources.groups.heed(health);
                self.deferred_read(now, candidates, next_due, as_of, resources);
            }
            Input::Reconsidered { candidates, health } => {
                let as_of = self.looked(&health);
                resources.groups.heed(health);
                self.reconsidered(now, candidates, as_of);
            }
            Input::AttemptEnded {
                assignment,
                attempt,
                outcome,
                bytes,
                reached,
            } => {
                let ended = Ended {
                    attempt,
                    outcome,
                    bytes,
                    reached,
                };
                self.attempt_ended(now, assignment, ended, &mut resources.slots);
            }
            Input::Verified {
                assignment,
                attempt,
                answer,
            } => self.verified(now, assignment, attempt, answer),
            Input::Succeeded { rows, exhausted } => self.succeeded_read(now, rows, exhausted),
            Input::Rechecked {
                assignment,
                attempt,
                answer,
                groups,
            } => self.rechecked(now, (assignment, attempt), answer, groups),
            Input::Decided { answers } => self.decided(now, answers),
            Input::Signals { samples } => self.signals_measured(now, samples),
            Input::Grown { added } => self.grown(added),
            Input::Replanned { snapshot } => self.replanned(now, *snapshot),
            Input::Shadowed { shadows } => self.shadows.follow(shadows),
            Input::Tallied {
                shadow,
                targets,
                exhausted,
            } => self.shadows.tallied(shadow, &targets, exhausted),
            Input::ShadowAnswered { shadow, answer } => {
                self.shadow_answered(now, shadow, answer);
            }
            Input::Refresh => self.refresh(now),
            Input::Stop(cause) => self.stop(now, cause),
            Input::CancelInFlight => self.cancel_in_flight(),
        }
    }

    fn looked(&mut self, health: &GroupHealth) -> Duration {
        self.looked_as_of = health.as_of;
        health.as_of
    }

    /// Does what has come due by the clock. Starts nothing and asks for nothing that
    /// [`Rollout::dispatch`] asks for.
    pub fn handle_timeout(&mut self, now: Now, resources: &mut Resources) {
        self.now = now;
        if self.begun && self.finished.is_none() {
            self.notice_step(now);
            self.fire_timers(now);
            self.account(resources);
            self.conclude(now);
        }
    }

    /// Starts what may start, and asks for the pages and decisions that are wanted.
    pub fn dispatch(&mut self, now: Now, resources: &mut Resources) {
        self.now = now;
        if !self.begun || self.finished.is_some() {
            return;
        }
        while self.start_next(now, resources) {}
        self.ask_for_looks(now, resources);
        self.recheck(now, resources);
        self.ask_policies(now);
        self.ask_shadows(now);
        self.conclude(now);
    }

    /// Takes what the calls since the last poll led to.
    pub fn poll_output(&mut self) -> Output {
        // They ride along with whatever is written anyway.
        if !self.changes.is_empty() {
            self.keep_repeats();
        }
        self.shadows.keep(self.now.wall, &mut self.changes);
        Output {
            changes: std::mem::replace(&mut self.changes, ChangeSet::new(self.key)),
            effects: std::mem::take(&mut self.effects),
        }
    }

    /// The counts of each cohort.
    pub fn cohorts(&self) -> &[CohortView] {
        &self.cohorts
    }

    /// Where the rollout stands.
    pub fn state(&self) -> RolloutState {
        self.state
    }

    /// The release that it brings.
    pub fn release(&self) -> ReleaseKey {
        self.release
    }

    /// Of two rollouts that want one slot, the one with the higher comes first.
    pub fn priority(&self) -> i32 {
        self.settings.priority
    }

    /// Gives back what it holds of the engine's resources, for a rollout that is dropped:
    /// because its changes were refused, or because it has finished. Its pushes must have
    /// been stopped before.
    pub fn release_slots(self, resources: &mut Resources) {
        resources.groups.forget(self.key);
        resources.fences.forget(self.key);
        if self.begun {
            for _ in 0..self.transferring {
                resources.slots.release();
            }
        }
    }

    fn asks_devices(&self) -> bool {
        self.facts.verifies && self.settings.verify == VerifyMode::WhenPossible
    }
}

/// The sums that follow from the states, so that they are right by construction.
fn recount(mut cohort: CohortView) -> CohortView {
    cohort.ended = cohort.states.ended();
    cohort.in_progress = StateKind::ALL
        .into_iter()
        .filter(|kind| table::meaning(*kind).counts_in_progress)
        .map(|kind| cohort.states.get(kind))
        .sum();
    cohort
}

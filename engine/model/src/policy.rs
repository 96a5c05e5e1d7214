use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Advance, CohortIndex, FailureKind, Recheck, RecheckWish, SignalName, StateKind, Tallied,
    Timestamp, Value,
};

/// How a policy ranks a device when cohorts are cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placement {
    /// Lower tiers come first.
    pub tier: u32,
    /// Spread evenly within the tier; empty for none.
    pub stratum: String,
}

/// How many devices a tier holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierCount {
    /// The tier.
    pub tier: u32,
    /// Its devices.
    pub devices: u64,
}

/// A named part of a rollout's targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// Unique in its rollout.
    pub name: String,
    /// How many devices it holds.
    pub size: u64,
}

/// Counts of one cohort's assignments by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCounts(pub [u64; StateKind::ALL.len()]);

impl StateCounts {
    /// The count of one state.
    pub fn get(&self, kind: StateKind) -> u64 {
        self.0[kind as usize]
    }

    /// The count of one state, to change.
    pub fn get_mut(&mut self, kind: StateKind) -> &mut u64 {
        &mut self.0[kind as usize]
    }

    /// All assignments.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those in a final state.
    pub fn ended(&self) -> u64 {
        StateKind::ALL
            .iter()
            .filter(|kind| kind.is_ended())
            .map(|kind| self.get(*kind))
            .sum()
    }
}

/// What happened to one cohort so far, as policies see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortView {
    /// Its name.
    pub name: String,
    /// Its devices.
    pub size: u64,
    /// Their states.
    pub states: StateCounts,
    /// Devices whose first attempt was started.
    pub started: u64,
    /// Devices counted against [`Ceiling::in_progress`].
    pub in_progress: u64,
    /// Devices whose assignment ended.
    pub ended: u64,
    /// Devices whose first attempt failed, or led to a success that did not last, by kind.
    pub first_failures: BTreeMap<FailureKind, u64>,
    /// Devices that ended without success, by the kind of the last failure.
    pub failures: BTreeMap<FailureKind, u64>,
    /// When its first device was started.
    pub first_started: Option<Timestamp>,
    /// When a device last ended.
    pub last_ended: Option<Timestamp>,
    /// The newest round in which its succeeded devices were verified again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recheck: Option<Recheck>,
}

impl CohortView {
    /// Of a cohort in which nothing has happened and no state was counted yet.
    pub fn untouched(cohort: &Cohort) -> Self {
        Self {
            name: cohort.name.clone(),
            size: cohort.size,
            states: StateCounts::default(),
            started: 0,
            in_progress: 0,
            ended: 0,
            first_failures: BTreeMap::new(),
            failures: BTreeMap::new(),
            first_started: None,
            last_ended: None,
            recheck: None,
        }
    }

    /// Counts the state and the failures of one of its assignments.
    pub fn count(&mut self, tallied: Tallied) {
        *self.states.get_mut(tallied.state) += 1;
        self.started += u64::from(tallied.started);
        self.in_progress += u64::from(tallied.state.counts_in_progress());
        if let Some(kind) = tallied.first_failure {
            *self.first_failures.entry(kind).or_default() += 1;
        }
        if let Some(kind) = tallied.state.failed_by(tallied.last_failure) {
            *self.failures.entry(kind).or_default() += 1;
        }
    }
}

/// A measurement from outside, as a policy sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Its name in the configuration.
    pub name: SignalName,
    /// The value, always finite; none if it is missing, stale or not a number.
    pub value: Option<f64>,
    /// When it was measured or found to be missing; none before the first time.
    pub observed_at: Option<Timestamp>,
}

/// A person's consent to pass a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Which gate.
    pub gate: String,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// When it lapses; a lapsed one is shown to no policy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<Timestamp>,
}

/// All that a decision may depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The instant of the decision.
    pub now: Timestamp,
    /// When the rollout was started.
    pub started_at: Timestamp,
    /// How long it has been paused in total.
    pub paused_for: Duration,
    /// In the order of the rollout's cohorts.
    pub cohorts: Vec<CohortView>,
    /// Starts, retries included, within the last 60 s.
    pub starts_last_minute: u64,
    /// Consents given.
    pub approvals: Vec<Approval>,
    /// Orders to go on past gates.
    #[serde(default)]
    pub advances: Vec<Advance>,
    /// Those that the policy asked for.
    pub signals: Vec<Signal>,
}

/// Two absolute bounds for a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Devices that may have been started in total.
    pub started: u64,
    /// Devices that may be in progress at once.
    pub in_progress: u64,
}

/// In rising severity; of several policies the most severe holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Go on within the ceilings.
    Continue,
    /// Start nothing for now.
    Hold,
    /// Start nothing until a person resumes.
    Pause,
    /// End the rollout.
    Abort,
    /// End it and take devices back.
    RollBack,
}

/// Why, for programs and people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// A stable kebab-case word.
    pub code: String,
    /// The cohort it speaks of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cohort: Option<CohortIndex>,
    /// The facts it rests on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub parameters: BTreeMap<String, Value>,
    /// One sentence, without a full stop.
    pub text: String,
}

/// The counts that a [`Trigger`] can watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// [`CohortView::started`].
    Started,
    /// [`CohortView::ended`].
    Ended,
    /// Succeeded devices.
    Succeeded,
    /// The sum of [`CohortView::failures`].
    Failed,
    /// The sum of [`CohortView::first_failures`].
    FirstFailed,
}

/// A policy's wish to be asked at once when a count is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Of which cohort.
    pub cohort: CohortIndex,
    /// Which count.
    pub measure: Measure,
    /// Fires at this count or above.
    pub reaches: u64,
}

/// What a policy answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// One per cohort.
    pub ceilings: Vec<Ceiling>,
    /// After this nothing starts.
    pub valid_until: Timestamp,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<Reason>,
    /// For the next decision.
    pub memo: Vec<u8>,
    /// When it wants to be asked again.
    pub ask_at: Option<Timestamp>,
    /// What it watches.
    pub triggers: Vec<Trigger>,
    /// Which cohorts are to be verified again.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rechecks: Vec<RecheckWish>,
}

/// When a device may start, as one policy sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Admission {
    /// Not before this instant.
    pub not_before: Option<Timestamp>,
    /// Only when the device is known to be connected.
    pub needs_connection: bool,
    /// Not in this rollout.
    pub never: bool,
    /// Lower keys start first.
    pub order_key: u64,
    /// Why it may not start now.
    pub reason: Option<Reason>,
}

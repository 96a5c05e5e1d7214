use std::{num::NonZeroU32, num::NonZeroUsize, sync::Arc, time::Duration};

use windlass_core::{DeliveryFacts, placement::CutError};
use windlass_model::{
    GroupLimit, PluginPin, Release, RolloutName, RolloutSettings, SignalName, Timestamp,
};

use crate::{faults::Faults, fleet::Fleet, signals::SignalModel};

/// A rollout to be lived through.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub rollout: RolloutName,
    /// Where its rules are from, as [`Session::configuration`](crate::Session::configuration).
    pub configuration: String,
    /// What it brings; its size and digest do not matter.
    pub release: Release,
    /// Its rules.
    pub settings: RolloutSettings,
    /// What its deliveries can do.
    pub facts: DeliveryFacts,
    /// Its policies, in configured order.
    pub policies: Vec<PluginPin>,
    /// Transfers at once.
    pub concurrency: NonZeroUsize,
    /// Bounds on groups of devices.
    pub limits: Arc<[GroupLimit]>,
    /// Retries a minute; any number without it.
    pub retries_per_minute: Option<NonZeroU32>,
    /// Its fleet.
    pub fleet: Fleet,
    /// What goes wrong.
    pub faults: Faults,
    /// What the signals read that policies ask for; one that is not here is never measured.
    pub signals: Vec<SignalModel>,
    /// The signals that each policy wants to see, in configured order.
    pub watched: Vec<Vec<SignalName>>,
    /// What everything random is drawn from, but the cohorts, which are those of a `run`.
    pub seed: u64,
    /// The virtual instant of its start.
    pub began: Timestamp,
    /// For how long it is watched at most.
    pub span: Duration,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError<E> {
    /// The filter or a policy failed.
    #[error(transparent)]
    Plugin(E),
    /// The first policy's cohorts do not hold the selected devices.
    #[error("the policy cut wrong cohorts")]
    Cohorts(#[source] CutError),
    /// The filter selects none.
    #[error("the filter selects none of the {devices} simulated devices")]
    NothingSelected {
        /// So many there are.
        devices: u64,
    },
}

/// Wake-ups of a session: its clock goes so much finer than its span.
const TICKS: u32 = 1_000_000;
/// A tick is so much shorter than a transfer, so that rounding up to it costs no slot.
const TICKS_PER_TRANSFER: u32 = 32;
/// Questions to the policies about counts that nobody watches for.
const QUESTIONS: u32 = 100_000;
/// At most so long lies between two such questions, because a decision holds for a minute.
const QUESTIONS_EVERY_AT_MOST: Duration = Duration::from_secs(30);

impl Scenario {
    /// The step of the clock: whatever falls between two steps happens at the second.
    pub(crate) fn tick(&self) -> Duration {
        let least = Duration::from_millis(1);
        let finest = self.fleet.typical(&self.faults).transfer / TICKS_PER_TRANSFER;
        let tick = (self.span / TICKS).min(finest).max(least);
        // Whole milliseconds, as the clocks of the engine.
        Duration::from_millis(u64::try_from(tick.as_millis()).unwrap_or(u64::MAX))
    }

    /// How often policies are shown counts that they do not watch for.
    pub(crate) fn questions_every(&self) -> Duration {
        (self.span / QUESTIONS).min(QUESTIONS_EVERY_AT_MOST)
    }

    /// How often a signal is measured: as it says, but that a policy sees each measurement.
    pub(crate) fn measured_every(&self, signal: &SignalModel) -> Duration {
        signal.every.max(self.questions_every()).max(self.tick())
    }

    /// The rules, with a limit on attempts that lets the model's failures become known.
    pub(crate) fn settings(&self) -> RolloutSettings {
        let faults = &self.faults;
        let known = faults.known_after
            + self.fleet.latest(faults, self.settings.timeouts.attempt)
            + self.settings.settle.grace
            + 2 * self.settings.probe_interval;
        let mut settings = self.settings.clone();
        settings.timeouts.attempt = settings.timeouts.attempt.max(known);
        settings
    }

    pub(crate) fn end(&self) -> Timestamp {
        self.began.plus(self.span)
    }
}

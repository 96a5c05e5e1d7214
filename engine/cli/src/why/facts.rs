//! What the state file has of a device and its rollouts.

use std::collections::BTreeMap;

use anyhow::Context as _;
use windlass_model::{
    Assignment, EngineBounds, Hold, LoggedEvent, PluginName, Release, RolloutKey, RolloutName,
    StoredDevice, StoredRollout, Timestamp,
};
use windlass_store::{OpenError, Store, StoredAttempt, StoredDecision};

use super::{
    course::Course,
    past::{self, row_then},
};
use crate::owner::hint;

/// Events of a device, and of a rollout as a whole, that are read: far more than a rollout of
/// months has of either.
pub(super) const EVENTS_MAX: usize = 8_192;

/// A device, and the state file as it is asked about.
pub struct Scene<'a> {
    /// The state file.
    pub store: &'a Store,
    /// The device, as the registry has it now.
    pub device: StoredDevice,
    /// The instant that is asked about.
    pub at: Timestamp,
    /// Whether that is over.
    pub over: bool,
    /// Whether a process has the state file.
    pub owned: bool,
    /// What to type to take a rollout up: the configuration, if that is known.
    pub config: Option<(RolloutName, String)>,
    pub(super) names: BTreeMap<RolloutKey, RolloutName>,
    pub(super) holds: Vec<Hold>,
    pub(super) bounds: Option<EngineBounds>,
    pub(super) rollouts: Vec<StoredRollout>,
    story: Vec<LoggedEvent>,
}

impl<'a> Scene<'a> {
    /// What is the same for all rollouts.
    ///
    /// # Errors
    /// If the state file cannot be read.
    pub fn new(
        store: &'a Store,
        device: StoredDevice,
        at: Timestamp,
        over: bool,
    ) -> anyhow::Result<Self> {
        let rollouts = store.rollouts().context("the rollouts could not be read")?;
        let names = rollouts
            .iter()
            .map(|rollout| (rollout.key, rollout.plan.name.clone()))
            .collect();
        let holds = match over {
            false => store.holds(at).context("the holds could not be read")?,
            true => past::holds_then(store, at)?,
        };
        let owned = store
            .path()
            .is_some_and(|path| matches!(Store::probe(path), Err(OpenError::InUse { .. })));
        let story = store
            .events_of_device(device.key, at, EVENTS_MAX)
            .context("the events could not be read")?;
        Ok(Self {
            store,
            device,
            at,
            over,
            owned,
            config: None,
            names,
            holds,
            bounds: store.bounds().context("the bounds could not be read")?,
            rollouts,
            story,
        })
    }

    /// Every rollout of the state file that had begun, the newest first.
    pub fn rollouts(&self) -> impl Iterator<Item = &StoredRollout> {
        let begun = |rollout: &&StoredRollout| {
            !self.over || rollout.started_at.is_some_and(|at| at <= self.at)
        };
        self.rollouts.iter().rev().filter(begun)
    }

    /// What is known of the device in a rollout that has it.
    ///
    /// # Errors
    /// If the state file cannot be read.
    pub fn facts(&self, rollout: &StoredRollout, row: &Assignment) -> anyhow::Result<Facts<'_>> {
        let store = self.store;
        let key = rollout.key;
        let course = self.course(rollout)?;
        let story: Vec<_> = self
            .story
            .iter()
            .filter(|logged| logged.event.rollout == Some(key))
            .cloned()
            .collect();
        let row = match self.over {
            false => row.clone(),
            true => row_then(rollout, row, &story, course.state),
        };
        let attempts = store
            .attempts(row.id)
            .context("the attempts could not be read")?;
        let decisions = rollout
            .plan
            .policies
            .iter()
            .map(|pin| {
                let newest = store.newest_decision(key, &pin.name, self.at)?;
                Ok((pin.name.clone(), newest))
            })
            .collect::<Result<_, windlass_store::StoreError>>()
            .context("the decisions could not be read")?;
        Ok(Facts {
            scene: self,
            release: store
                .release(rollout.plan.release)
                .context("the release could not be read")?,
            rollout: rollout.clone(),
            attempts: attempts
                .into_iter()
                .filter(|attempt| attempt.started_at <= self.at)
                .collect(),
            row,
            course,
            story,
            decisions,
        })
    }

    /// Where a rollout stood.
    ///
    /// # Errors
    /// If the state file cannot be read.
    pub fn course(&self, rollout: &StoredRollout) -> anyhow::Result<Course> {
        let events = self
            .store
            .events_of_none(Some(rollout.key), self.at, EVENTS_MAX)
            .context("the events could not be read")?;
        let mut course = Course::of(&events);
        if !self.over {
            course.state = rollout.state;
        }
        Ok(course)
    }

    /// Whether the process that has the state file has a rollout in hand. One that was killed
    /// does not say that it is done, so what it took up before the engine of now began is not.
    pub(super) fn drives(&self, course: &Course) -> bool {
        let since = self.bounds.as_ref().map(|bounds| bounds.since);
        self.owned && course.taken_up.is_some_and(|at| Some(at) >= since)
    }

    pub(super) fn name_of(&self, rollout: RolloutKey) -> String {
        self.names
            .get(&rollout)
            .map_or_else(|| format!("{rollout}"), ToString::to_string)
    }
}

/// What is known of a device in one rollout.
pub struct Facts<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) rollout: StoredRollout,
    pub(super) release: Release,
    pub(super) row: Assignment,
    /// The events of the device in this rollout, in order.
    pub(super) story: Vec<LoggedEvent>,
    pub(super) attempts: Vec<StoredAttempt>,
    pub(super) course: Course,
    /// The newest of each policy, in configured order.
    pub(super) decisions: Vec<(PluginName, Option<StoredDecision>)>,
}

impl Facts<'_> {
    /// A command about this rollout, to type from everywhere.
    pub(super) fn command(&self, command: &str) -> String {
        let name = &self.rollout.plan.name;
        hint(self.scene.store, &format!("{command} --rollout {name}"))
    }

    /// A command about something else of the state file.
    pub(super) fn plain_command(&self, command: &str) -> String {
        hint(self.scene.store, command)
    }

    /// What to type to take a rollout up.
    pub(super) fn run(&self, rollout: &RolloutName) -> String {
        match &self.scene.config {
            Some((name, file)) if name == rollout => format!("`windlass run {file}`"),
            Some(_) | None => format!("`windlass run` with the configuration of {rollout}"),
        }
    }

    /// The device's number in its cohort, from 1, in the order in which devices start; and how
    /// many the cohort has.
    pub(super) fn place(&self) -> (u64, u64) {
        let cohorts = &self.rollout.plan.cohorts;
        let index = self.row.cohort.0 as usize;
        let before: u64 = cohorts.iter().take(index).map(|cohort| cohort.size).sum();
        let rank = u64::try_from(self.row.id.0 & i64::from(u32::MAX)).unwrap_or(0);
        let size = cohorts.get(index).map_or(0, |cohort| cohort.size);
        (rank.saturating_sub(before), size)
    }

    /// The name of the device's cohort.
    pub(super) fn cohort(&self) -> &str {
        self.rollout
            .plan
            .cohorts
            .get(self.row.cohort.0 as usize)
            .map_or("", |cohort| cohort.name.as_str())
    }

    /// The newest event of the device that `is` one of those meant.
    pub(super) fn newest(
        &self,
        is: impl Fn(&windlass_model::EventKind) -> bool,
    ) -> Option<&windlass_model::Event> {
        let mut story = self.story.iter().rev().map(|logged| &logged.event);
        story.find(|event| is(&event.kind))
    }
}

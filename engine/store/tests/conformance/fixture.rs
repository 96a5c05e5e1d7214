//! A fleet, a rollout and the changes that the cases make to them.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use windlass_model::{
    Assignment, AssignmentState, AttemptId, AttemptOutcome, Change, ChangeSet, Cohort, CohortIndex,
    Connection, Connectivity, Device, DeviceId, DeviceKey, Event, EventKind, Failure, FailureKind,
    Observation, ObservationSource, OfflineDevices, OnUncertain, PluginName, PluginPin, Release,
    ReleaseKey, RetrySettings, RolloutKey, RolloutName, RolloutPlan, RolloutSettings, Sequence,
    SettleSettings, Sha256, StateKind, Timeouts, Timestamp, VerifyMode,
};
use windlass_store::{CommitError, Committed, Store};

pub(crate) struct Fixture {
    pub(crate) store: Store,
}

impl Fixture {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    pub(crate) fn assert_whole(&self) {
        let problems = self.store.check().expect("the check runs");
        assert!(problems.is_empty(), "{problems:?}");
    }

    /// Devices `d-1` to `d-count`, in the order of their rows.
    pub(crate) fn fleet(&mut self, count: usize) -> Vec<DeviceKey> {
        let devices = (1..=count).map(|number| device(&format!("d-{number}")));
        self.store
            .import_devices(devices, Timestamp(1_000))
            .expect("the fleet is imported");
        let all = self.store.devices(None, count, &[]).expect("devices");
        all.into_iter().map(|stored| stored.key).collect()
    }

    pub(crate) fn release(&mut self) -> ReleaseKey {
        self.store
            .put_release(&release(), Timestamp(1_000))
            .expect("the release is kept")
    }

    /// A rollout of another version of the release over all `devices`, changed as wished.
    pub(crate) fn rollout_to(
        &mut self,
        version: &str,
        devices: &[DeviceKey],
        change: impl FnOnce(&mut RolloutPlan),
    ) -> RolloutKey {
        let mut release = release();
        release.version = version.to_owned();
        let release = self.store.put_release(&release, Timestamp(1_000));
        let name = format!("to-{version}");
        let mut plan = plan(&name, release.expect("kept"), &[devices.len()]);
        change(&mut plan);
        let mut targets = targets(devices, devices.len()).into_iter();
        self.store
            .create_rollout(&plan, &mut targets, Timestamp(2_000))
            .expect("the rollout is created")
    }

    /// Starts attempt `id` of the row and ends it after a second with `outcome` and `state`.
    pub(crate) fn attempt(
        &mut self,
        rollout: RolloutKey,
        row: &Assignment,
        (id, at): (u32, u64),
        outcome: AttemptOutcome,
        state: AssignmentState,
    ) {
        let mut changes = started(row, id, at);
        let ended = Timestamp(at + 1_000);
        let (attempt, bytes) = (attempt(id), 1);
        let mut after = row.clone();
        after.started_attempts += 1;
        after.counted_attempts += 1;
        if let AttemptOutcome::Failed(failure) = &outcome {
            after.last_failure = Some((failure.kind, ended));
        }
        after.state = state;
        changes.extend([
            Change::AttemptEnded {
                attempt,
                at: ended,
                outcome,
                bytes,
            },
            Change::AttemptSettled { attempt, at: ended },
            Change::Assignment {
                from: StateKind::Transferring,
                row: Box::new(after),
            },
        ]);
        self.apply(rollout, changes);
    }

    /// One attempt that begins at `at` and fails, the last.
    pub(crate) fn dead_letter(
        &mut self,
        rollout: RolloutKey,
        row: &Assignment,
        (id, at): (u32, u64),
        kind: FailureKind,
    ) {
        let outcome = AttemptOutcome::Failed(failure(kind));
        self.attempt(
            rollout,
            row,
            (id, at),
            outcome,
            AssignmentState::DeadLettered(kind),
        );
    }

    /// All events, without numbers and times.
    pub(crate) fn events(&self) -> Vec<(Option<RolloutKey>, EventKind)> {
        let events = self.store.events(Sequence(0), 1_000, None);
        let events = events.expect("readable").into_iter();
        events
            .map(|logged| (logged.event.rollout, logged.event.kind))
            .collect()
    }

    /// A rollout over `devices`, of which the first `canary` are cohort 0.
    pub(crate) fn rollout(
        &mut self,
        name: &str,
        devices: &[DeviceKey],
        canary: usize,
    ) -> RolloutKey {
        let plan = plan(name, self.release(), &[canary, devices.len() - canary]);
        let mut targets = targets(devices, canary).into_iter();
        self.store
            .create_rollout(&plan, &mut targets, Timestamp(2_000))
            .expect("the rollout is created")
    }

    pub(crate) fn assignments(&self, rollout: RolloutKey) -> Vec<Assignment> {
        self.store
            .assignments(rollout, None, 1_000)
            .expect("assignments")
    }

    pub(crate) fn commit(&mut self, set: &ChangeSet) -> Result<Committed, CommitError> {
        let mut answers = self.store.commit(&[set]);
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    pub(crate) fn apply(&mut self, rollout: RolloutKey, changes: Vec<Change>) {
        self.commit(&set(rollout, changes)).expect("no conflict");
    }

    pub(crate) fn observe(&mut self, rollout: RolloutKey, observation: Observation) {
        self.apply(rollout, vec![Change::Observed(observation)]);
    }

    pub(crate) fn device(&self, id: &str) -> Device {
        let id = DeviceId::new(id);
        let stored = self.store.device(&id).expect("readable");
        stored.expect("the device is known").device
    }
}

pub(crate) fn device(id: &str) -> Device {
    Device {
        id: DeviceId::new(id),
        name: format!("Device {id}"),
        address: "http://127.0.0.1:8080".to_owned(),
        kind: Some("gateway".to_owned()),
        version: Some("1.0.0".to_owned()),
        status: Connectivity::Online,
        location: None,
        timezone: None,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        last_seen: None,
    }
}

pub(crate) fn release() -> Release {
    Release {
        name: "pos-app".to_owned(),
        version: "2.3.0".to_owned(),
        size: 1 << 40,
        sha256: Sha256([7; 32]),
        media_type: "application/octet-stream".to_owned(),
    }
}

pub(crate) fn pin(name: &str) -> PluginPin {
    PluginPin {
        name: PluginName::new(name),
        component: Sha256([1; 32]),
        settings: Sha256([2; 32]),
    }
}

pub(crate) fn plan(name: &str, release: ReleaseKey, sizes: &[usize]) -> RolloutPlan {
    let cohorts = sizes.iter().enumerate().map(|(position, size)| Cohort {
        name: format!("cohort-{position}"),
        size: *size as u64,
    });
    RolloutPlan {
        name: RolloutName::new(name),
        release,
        settings: RolloutSettings {
            retry: RetrySettings {
                attempts: 3,
                backoff: Duration::from_secs(1),
                max_backoff: Duration::from_secs(30),
            },
            timeouts: Timeouts {
                idle: Duration::from_secs(30),
                attempt: Duration::from_secs(3_600),
            },
            settle: SettleSettings {
                grace: Duration::from_secs(600),
                on_uncertain: OnUncertain::DeadLetter,
            },
            offline: OfflineDevices::Defer,
            probe_interval: Duration::from_secs(60),
            verify: VerifyMode::WhenPossible,
            allow_downgrade: false,
            seed: u64::MAX,
            priority: 0,
            concurrency: None,
            connection: Connection::Assumed,
            dynamic: false,
        },
        cohorts: cohorts.collect(),
        filter_expression: Some("true".to_owned()),
        filter: Some(pin("all")),
        policies: vec![pin("careful"), pin("nights")],
        deliveries: vec![pin("http")],
        unselected: 5,
        fleet: None,
        takes_back: None,
    }
}

pub(crate) fn targets(devices: &[DeviceKey], canary: usize) -> Vec<(DeviceKey, CohortIndex)> {
    let cohort = |rank| CohortIndex(u32::from(rank >= canary));
    let ranked = devices.iter().enumerate();
    ranked
        .map(|(rank, device)| (*device, cohort(rank)))
        .collect()
}

pub(crate) fn attempt(id: u32) -> AttemptId {
    AttemptId(NonZeroU32::new(id).expect("attempt ids are positive"))
}

pub(crate) fn set(rollout: RolloutKey, changes: Vec<Change>) -> ChangeSet {
    ChangeSet {
        rollout,
        changes,
        events: Vec::new(),
    }
}

pub(crate) fn event(rollout: RolloutKey, at: u64) -> Event {
    Event {
        at: Timestamp(at),
        rollout: Some(rollout),
        kind: EventKind::RolloutReleased,
    }
}

pub(crate) fn moved(row: &Assignment, state: AssignmentState) -> Change {
    let mut after = row.clone();
    after.state = state;
    Change::Assignment {
        from: row.state.kind(),
        row: Box::new(after),
    }
}

/// The row and the attempt of a start at `at`.
pub(crate) fn started(row: &Assignment, id: u32, at: u64) -> Vec<Change> {
    let mut after = row.clone();
    after.state = AssignmentState::Transferring(attempt(id));
    after.started_attempts += 1;
    after.counted_attempts += 1;
    after.attempt_started = Some(Timestamp(at));
    vec![
        Change::AttemptStarted {
            attempt: attempt(id),
            assignment: row.id,
            device: row.device,
            number: after.started_attempts,
            at: Timestamp(at),
        },
        Change::Assignment {
            from: row.state.kind(),
            row: Box::new(after),
        },
    ]
}

pub(crate) fn failure(kind: FailureKind) -> Failure {
    let mut failure = Failure::new(kind, "the device said: no");
    failure.retry_after = Some(Duration::from_secs(5));
    failure
}

pub(crate) fn observation(device: DeviceKey, at: u64) -> Observation {
    Observation {
        device,
        at: Timestamp(at),
        source: ObservationSource::Probe,
        version: None,
        status: None,
    }
}

pub(crate) fn kinds(rows: &[Assignment]) -> Vec<StateKind> {
    rows.iter().map(|row| row.state.kind()).collect()
}

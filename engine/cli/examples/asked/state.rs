//! The state file: a rollout that is under way, with devices in every state.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use anyhow::{Context as _, Result};
use sha2::Digest as _;
use windlass_model::{
    Assignment, AssignmentState, AttemptId, AttemptOutcome, Ceiling, Change, ChangeSet, Cohort,
    CohortIndex, CohortView, Decision, DecisionAnswer, DecisionRecord, Deferral, DeviceKey,
    EngineBounds, Event, EventKind, Failure, FailureKind, GroupField, GroupLimit, PluginName,
    PluginPin, Reason, RolloutKey, RolloutName, RolloutState, Sha256, StateCounts, StateKind,
    Timestamp, Value, Verdict, View,
};
use windlass_store::Store;

use crate::{fleet, plan};

const START: Timestamp = Timestamp(1_700_000_000_000);
/// An instant that is over, after all that is in the log.
pub(crate) const HALF_WAY: Timestamp = Timestamp(1_700_003_600_000);

/// Transfers at once, in all and at each of the 1,000 sites: all slots are taken.
const IN_FLIGHT: u32 = 10_000;
const IN_FLIGHT_A_SITE: u32 = 10;
/// Devices in each further state that is live or ended without success.
const FEW: usize = 1_000;
/// Answers of the policy in the log: more than `why` reads.
const DECISIONS: u64 = 10_000;
/// Rows of one commit.
const COMMIT: usize = 1_000;

/// The states in the order of ranks, each with its number of devices; the rest is pending.
fn course(count: u32) -> [(StateKind, usize); 7] {
    [
        (StateKind::Succeeded, count as usize / 10),
        (StateKind::Transferring, IN_FLIGHT as usize),
        (StateKind::Verifying, FEW),
        (StateKind::Waiting, FEW),
        (StateKind::Deferred, FEW),
        (StateKind::DeadLettered, FEW),
        (StateKind::Rejected, FEW),
    ]
}

/// A device of each kind that there is, with what it is.
pub(crate) fn asked(store: &Store) -> Result<Vec<(String, String)>> {
    let rollout = rollout(store)?;
    let total = store.device_count()? - 1;
    let mut after = None;
    let mut asked = vec![("not selected".to_owned(), "kiosk-1".to_owned())];
    for (kind, many) in course(u32::try_from(total)?) {
        let rows = store.assignments(rollout, after, many)?;
        let last = rows.last().context("there are so many")?;
        anyhow::ensure!(last.state.kind() == kind, "{last:?}");
        asked.push((kind.as_str().to_owned(), last.device_id.to_string()));
        after = Some(last.id);
    }
    // One that the ceiling lets start, behind all slots; and one that it does not.
    let next = store.assignments(rollout, after, 1)?;
    let next = next.first().context("some are pending")?;
    asked.push((
        "pending, all slots taken".to_owned(),
        next.device_id.to_string(),
    ));
    let id = (total - 1) * 7_919 % total;
    let last = fleet::device(u32::try_from(id)?).id;
    asked.push(("pending".to_owned(), last.to_string()));
    Ok(asked)
}

fn rollout(store: &Store) -> Result<RolloutKey> {
    let rollout = store.rollout(&RolloutName::new("recorded"))?;
    Ok(rollout.context("it was written here")?.key)
}

/// Writes all of it.
pub(crate) fn write(store: &mut Store, count: u32) -> Result<()> {
    let devices = (0..count).map(fleet::device).chain([fleet::kiosk()]);
    store.import_devices(devices, START)?;
    let filter = keep(store, "filter-cel", "{}")?;
    let settings = r#"{"cohorts":[{"name":"early","percent":30},{"name":"rest"}]}"#;
    let policy = keep(store, "policy-progressive", settings)?;
    let release = store.put_release(&plan::release(), START)?;
    let early = u64::from(count) * 3 / 10;
    let mut plan = plan::plan(release);
    plan.filter = Some(filter);
    plan.filter_expression = Some(
        "device.kind == 'pos' && (semver(device.version).isLessThan(semver('9.0.0')) || \
         'beta' in device.tags)"
            .to_owned(),
    );
    plan.policies = vec![policy];
    plan.unselected = 1;
    plan.cohorts = vec![
        Cohort {
            name: "early".to_owned(),
            size: early,
        },
        Cohort {
            name: "rest".to_owned(),
            size: u64::from(count) - early,
        },
    ];
    // Keys go from 1 in the order of the import; ranks have nothing to do with it.
    let total = i64::from(count);
    let mut targets = (0..total).map(|rank| {
        let cohort = u32::from(rank as u64 >= early);
        (DeviceKey(rank * 7_919 % total + 1), CohortIndex(cohort))
    });
    let policy = plan.policies[0].clone();
    let rollout = store.create_rollout(&plan, &mut targets, START)?;
    store.put_bounds(&bounds()?)?;
    begin(store, rollout)?;
    decide(store, rollout, &policy, [early, u64::from(count) - early])?;
    store.reserve_attempt_ids(count)?;
    let mut after = None;
    let mut ids = (1..).filter_map(NonZeroU32::new).map(AttemptId);
    for (kind, many) in course(count) {
        let mut left = many;
        while left > 0 {
            let rows = store.assignments(rollout, after, left.min(COMMIT))?;
            let last = rows.last().context("there are so many")?;
            (after, left) = (Some(last.id), left - rows.len());
            let mut set = ChangeSet::new(rollout);
            for (row, id) in rows.iter().zip(&mut ids) {
                bring_to(&mut set, row, id, kind)?;
            }
            commit(store, &set)?;
        }
    }
    Ok(())
}

fn keep(store: &mut Store, builtin: &str, settings: &str) -> Result<PluginPin> {
    let bytes = windlass_builtin::builtin(builtin).context("it is built in")?;
    let digest = |bytes: &[u8]| Sha256(sha2::Sha256::digest(bytes).into());
    let pin = PluginPin {
        name: PluginName::new(builtin),
        component: digest(bytes),
        settings: digest(settings.as_bytes()),
    };
    store.put_component(&pin.component, bytes)?;
    store.put_settings(&pin.settings, settings)?;
    Ok(pin)
}

fn bounds() -> Result<EngineBounds> {
    let number = |number| NonZeroU32::new(number).context("it is positive");
    let limit = |by, transfers| -> Result<GroupLimit> {
        Ok(GroupLimit {
            by,
            transfers: Some(number(transfers)?),
            unavailable: None,
            bandwidth: None,
        })
    };
    Ok(EngineBounds {
        since: START,
        transfers: number(IN_FLIGHT)?,
        bandwidth: NonZeroU64::new(100 << 20),
        retries_per_minute: NonZeroU32::new(1_000),
        groups: vec![
            limit(GroupField::Location, IN_FLIGHT_A_SITE)?,
            limit(GroupField::Kind, IN_FLIGHT)?,
            limit(GroupField::Attribute("model".to_owned()), IN_FLIGHT / 50)?,
        ],
    })
}

fn commit(store: &mut Store, set: &ChangeSet) -> Result<()> {
    for committed in store.commit(&[set]) {
        committed?;
    }
    Ok(())
}

fn begin(store: &mut Store, rollout: RolloutKey) -> Result<()> {
    let mut set = ChangeSet::new(rollout);
    set.changes.push(Change::Rollout {
        state: RolloutState::Running,
        started_at: Some(START),
        ended_at: None,
        paused_for: Duration::ZERO,
        paused_since: None,
    });
    let kind = EventKind::RolloutStarted {
        targets: 1_000_000,
        unselected: 1,
    };
    set.events.push(event(rollout, kind));
    commit(store, &set)
}

fn event(rollout: RolloutKey, kind: EventKind) -> Event {
    Event {
        at: START,
        rollout: Some(rollout),
        kind,
    }
}

/// All of the first cohort may start, and none of the second.
fn decide(
    store: &mut Store,
    rollout: RolloutKey,
    policy: &PluginPin,
    sizes: [u64; 2],
) -> Result<()> {
    let reason = Reason {
        code: "filling".to_owned(),
        cohort: Some(CohortIndex(1)),
        parameters: BTreeMap::from([("cohort".to_owned(), Value::Text("early".to_owned()))]),
        text: "the cohort early is not done".to_owned(),
    };
    let mut set = ChangeSet::new(rollout);
    for number in 0..DECISIONS {
        let kind = EventKind::DecisionTaken {
            policy: policy.name.clone(),
            verdict: Verdict::Continue,
            reasons: vec![reason.clone()],
        };
        set.events.push(event(rollout, kind));
        let view = view(Timestamp(START.0 + number), sizes);
        let ceiling = |most| Ceiling {
            started: most,
            in_progress: most,
        };
        let decision = Decision {
            ceilings: vec![ceiling(sizes[0]), ceiling(0)],
            valid_until: Timestamp(u64::MAX >> 1),
            verdict: Verdict::Continue,
            reasons: vec![reason.clone()],
            memo: Vec::new(),
            ask_at: None,
            triggers: Vec::new(),
            rechecks: Vec::new(),
        };
        set.changes.push(Change::Decision(Box::new(DecisionRecord {
            policy: policy.name.clone(),
            component: policy.component,
            settings: policy.settings,
            at: view.now,
            view,
            memo_before: Vec::new(),
            answer: DecisionAnswer::Decided(decision),
        })));
    }
    commit(store, &set)
}

fn view(now: Timestamp, sizes: [u64; 2]) -> View {
    let cohort = |size| {
        let mut states = StateCounts::default();
        *states.get_mut(StateKind::Pending) = size;
        let name = "cohort".to_owned();
        CohortView {
            states,
            ..CohortView::untouched(&Cohort { name, size })
        }
    };
    View {
        now,
        started_at: START,
        paused_for: Duration::ZERO,
        cohorts: sizes.map(cohort).into(),
        starts_last_minute: 40,
        approvals: Vec::new(),
        advances: Vec::new(),
        signals: Vec::new(),
    }
}

/// Moves a pending row to a state, by an attempt if it takes one.
fn bring_to(
    set: &mut ChangeSet,
    row: &Assignment,
    attempt: AttemptId,
    kind: StateKind,
) -> Result<()> {
    let rollout = set.rollout;
    let device = row.device_id.clone();
    let (at, until) = (START, Timestamp(4_000_000_000_000));
    let failure = Failure::new(FailureKind::DeviceError, "the device answered 500");
    let mut after = row.clone();
    let (state, outcome, told) = match kind {
        StateKind::Transferring => (AssignmentState::Transferring(attempt), None, None),
        StateKind::Verifying => (
            AssignmentState::Verifying(attempt),
            Some((AttemptOutcome::Delivered, false)),
            Some(EventKind::AttemptDelivered {
                device: device.clone(),
                attempt,
            }),
        ),
        StateKind::Succeeded => (
            AssignmentState::Succeeded,
            Some((AttemptOutcome::Delivered, true)),
            Some(EventKind::DeviceSucceeded {
                device: device.clone(),
            }),
        ),
        StateKind::Waiting => (
            AssignmentState::Waiting { retry_at: until },
            Some((AttemptOutcome::Failed(failure.clone()), true)),
            Some(EventKind::AttemptFailed {
                device: device.clone(),
                attempt,
                failure,
                retry_at: Some(until),
            }),
        ),
        StateKind::DeadLettered => (
            AssignmentState::DeadLettered(FailureKind::DeviceError),
            Some((AttemptOutcome::Failed(failure), true)),
            Some(EventKind::DeviceDeadLettered {
                device: device.clone(),
                kind: FailureKind::DeviceError,
            }),
        ),
        StateKind::Rejected => (
            AssignmentState::Rejected,
            Some((AttemptOutcome::Failed(failure), true)),
            Some(EventKind::DeviceRejected {
                device: device.clone(),
            }),
        ),
        StateKind::Deferred => {
            let reason = Reason {
                code: "outside-window".to_owned(),
                cohort: None,
                parameters: BTreeMap::new(),
                text: "the window opens at night".to_owned(),
            };
            after.blocker = Some(Box::new(reason.clone()));
            after.state = AssignmentState::Deferred(Deferral {
                until,
                needs_connection: false,
            });
            set.events.push(event(
                rollout,
                EventKind::DeviceDeferred {
                    device,
                    until,
                    needs_connection: false,
                    reason: Some(reason),
                },
            ));
            set.changes.push(Change::Assignment {
                from: StateKind::Pending,
                row: Box::new(after),
            });
            return Ok(());
        }
        other => anyhow::bail!("nobody is brought to {other:?} here"),
    };
    set.changes.push(Change::AttemptStarted {
        attempt,
        assignment: row.id,
        device: row.device,
        number: 1,
        at,
    });
    set.events.push(event(
        rollout,
        EventKind::AttemptStarted {
            device,
            attempt,
            number: 1,
        },
    ));
    if let Some((outcome, settled)) = outcome {
        set.changes.push(Change::AttemptEnded {
            attempt,
            at,
            outcome,
            bytes: 1_024,
        });
        if settled {
            set.changes.push(Change::AttemptSettled { attempt, at });
        }
    }
    set.events.extend(told.map(|kind| event(rollout, kind)));
    (after.state, after.started_attempts, after.counted_attempts) = (state, 1, 1);
    after.attempt_started = Some(at);
    set.changes.push(Change::Assignment {
        from: StateKind::Pending,
        row: Box::new(after),
    });
    Ok(())
}

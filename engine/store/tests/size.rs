//! What a large rollout takes on disk.

mod support;

use std::{collections::BTreeMap, fs, num::NonZeroU32, path::PathBuf};

use tempfile::TempDir;
use windlass_model::{
    Assignment, AssignmentState, AttemptId, AttemptOutcome, Change, ChangeSet, Cohort, CohortIndex,
    Connectivity, Deferral, Device, DeviceId, Event, EventKind, Reason, RolloutKey, StateKind,
    Timestamp, Value,
};
use windlass_store::{Location, Store};

/// Enough that what the file holds beside them does not count.
const DEVICES: u32 = 20_000;

/// A million assignments must stay small: the page cache of a small server holds them.
const MOST_BYTES: u64 = 100;

/// Design §6: what is kept of a device in a rollout, its log included.
const MOST_BYTES_WITH_ITS_STORY: u64 = 512;

/// As long as those of today: they take as many bytes on disk.
const NOW: Timestamp = Timestamp(1_790_000_000_000);

const SETS_A_TRANSACTION: usize = 1_000;

fn device(number: u32) -> Device {
    Device {
        id: DeviceId::new(format!("device-{number:07}")),
        name: String::new(),
        address: "http://127.0.0.1".to_owned(),
        kind: None,
        version: None,
        status: Connectivity::Unknown,
        location: None,
        timezone: None,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        last_seen: None,
    }
}

/// A state file with a rollout of all devices.
struct Filled {
    _directory: TempDir,
    path: PathBuf,
    rollout: RolloutKey,
    /// Of the closed file, without the rollout: one that is closed has no write-ahead log, and
    /// its length says it all.
    before: u64,
}

impl Filled {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("state.db");
        let mut filled = Self {
            _directory: directory,
            path,
            rollout: RolloutKey(0),
            before: 0,
        };
        let mut store = filled.open();
        store
            .import_devices((0..DEVICES).map(device), Timestamp(1))
            .expect("imported");
        let devices = store.devices(None, DEVICES as usize, &[]).expect("read");
        drop(store);
        filled.before = filled.size();
        let mut store = filled.open();
        let mut plan = support::plan(&mut store);
        plan.cohorts = vec![Cohort {
            name: "all".to_owned(),
            size: u64::from(DEVICES),
        }];
        // In an order that has nothing to do with that of the rows.
        let ranked = (0..devices.len()).map(|rank| devices[rank * 7_919 % devices.len()].key);
        let mut targets = ranked.map(|device| (device, CohortIndex(0)));
        filled.rollout = store
            .create_rollout(&plan, &mut targets, Timestamp(1))
            .expect("created");
        filled
    }

    fn open(&self) -> Store {
        Store::open(&Location::File(self.path.clone())).expect("the file is free")
    }

    fn size(&self) -> u64 {
        fs::metadata(&self.path).expect("the file exists").len()
    }

    /// Bytes a device that the rollout takes.
    fn bytes(&self) -> u64 {
        (self.size() - self.before) / u64::from(DEVICES)
    }

    /// Does something with each device.
    fn each(&self, mut step: impl FnMut(&Assignment) -> (Vec<Change>, Vec<EventKind>)) {
        let mut store = self.open();
        let rows = store
            .assignments(self.rollout, None, DEVICES as usize)
            .expect("readable");
        let sets: Vec<_> = rows
            .iter()
            .map(|row| {
                let (changes, kinds) = step(row);
                let event = |kind| Event {
                    at: NOW,
                    rollout: Some(self.rollout),
                    kind,
                };
                ChangeSet {
                    rollout: self.rollout,
                    changes,
                    events: kinds.into_iter().map(event).collect(),
                }
            })
            .collect();
        for group in sets.chunks(SETS_A_TRANSACTION) {
            for answer in store.commit(&group.iter().collect::<Vec<_>>()) {
                answer.expect("no conflict");
            }
        }
    }
}

fn moved(from: StateKind, row: &Assignment) -> Change {
    Change::Assignment {
        from,
        row: Box::new(row.clone()),
    }
}

/// Puts a device off.
fn deferred(row: &Assignment, reason: Reason) -> (Vec<Change>, Vec<EventKind>) {
    let mut put_off = row.clone();
    let until = NOW;
    put_off.state = AssignmentState::Deferred(Deferral {
        until,
        needs_connection: false,
    });
    put_off.blocker = Some(Box::new(reason.clone()));
    let told = EventKind::DeviceDeferred {
        device: row.device_id.clone(),
        until,
        needs_connection: false,
        reason: Some(reason),
    };
    (vec![moved(StateKind::Pending, &put_off)], vec![told])
}

/// As long as a policy or a person likes.
fn endless(of: &str) -> Reason {
    let text = format!("{of} {}", "because ".repeat(200));
    Reason {
        code: "held".to_owned(),
        cohort: None,
        parameters: BTreeMap::from([("cause".to_owned(), Value::Text(text.clone()))]),
        text,
    }
}

/// Design §6: volume is bounded.
#[test]
fn an_assignment_takes_few_bytes() {
    let filled = Filled::new();
    let bytes = filled.bytes();
    assert!((30..=MOST_BYTES).contains(&bytes), "{bytes}");
}

/// Design §6: whatever keeps each device back, and however long-winded it is about each.
#[test]
fn a_device_put_off_for_the_longest_reason_of_its_own_takes_few_bytes() {
    let filled = Filled::new();
    filled.each(|row| deferred(row, endless(row.device_id.as_str())));
    let bytes = filled.bytes();
    assert!(
        (MOST_BYTES..=MOST_BYTES_WITH_ITS_STORY).contains(&bytes),
        "{bytes}"
    );
}

/// The story of most devices: put off for a reason that many share, started, and updated.
#[test]
fn a_device_with_its_whole_story_takes_few_bytes() {
    let filled = Filled::new();
    filled.each(|row| deferred(row, endless("all of them")));
    let mut next = 1..;
    filled.each(|row| {
        let attempt = AttemptId(next.next().and_then(NonZeroU32::new).expect("a number"));
        let device = row.device_id.clone();
        let mut begun = row.clone();
        begun.state = AssignmentState::Transferring(attempt);
        begun.started_attempts = 1;
        begun.counted_attempts = 1;
        begun.attempt_started = Some(NOW);
        let mut ended = begun.clone();
        ended.state = AssignmentState::Succeeded;
        let changes = vec![
            Change::AttemptStarted {
                attempt,
                assignment: row.id,
                device: row.device,
                number: 1,
                at: NOW,
            },
            moved(StateKind::Deferred, &begun),
            Change::AttemptEnded {
                attempt,
                at: NOW,
                outcome: AttemptOutcome::Delivered,
                bytes: 1 << 30,
            },
            Change::AttemptSettled { attempt, at: NOW },
            moved(StateKind::Transferring, &ended),
        ];
        let started = EventKind::AttemptStarted {
            device: device.clone(),
            attempt,
            number: 1,
        };
        let delivered = EventKind::AttemptDelivered {
            device: device.clone(),
            attempt,
        };
        let succeeded = EventKind::DeviceSucceeded { device };
        (changes, vec![started, delivered, succeeded])
    });
    let bytes = filled.bytes();
    assert!(
        (MOST_BYTES..=MOST_BYTES_WITH_ITS_STORY).contains(&bytes),
        "{bytes}"
    );
}

//! What a caller is told when the disk does not do its part. The page limit that fills a
//! disk is one of the connection, so this cannot be shown from outside.

use std::{error::Error as _, time::Duration};

use rusqlite::ffi;
use windlass_model::{
    Change, ChangeSet, DecisionAnswer, DecisionRecord, DeviceId, Event, EventKind, Hold, HoldKind,
    HoldSubject, PluginName, RolloutKey, Sequence, Sha256, Timestamp, View,
};

use crate::{CommitError, Committed, Location, Store, StoreError};

const ROLLOUT: RolloutKey = RolloutKey(1);

/// Beyond what the free pages of a new database hold.
const LARGE: usize = 1 << 20;

fn limit_pages(store: &Store, pages: u32) {
    store
        .connection
        .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
        .expect("the limit is set");
}

fn set(length: usize) -> ChangeSet {
    ChangeSet {
        rollout: ROLLOUT,
        changes: Vec::new(),
        events: vec![Event {
            at: Timestamp(1),
            rollout: Some(ROLLOUT),
            kind: EventKind::DecisionFailed {
                policy: PluginName::new("p"),
                message: "x".repeat(length),
            },
        }],
    }
}

fn decided() -> Change {
    Change::Decision(Box::new(DecisionRecord {
        policy: PluginName::new("p"),
        component: Sha256([1; 32]),
        settings: Sha256([2; 32]),
        at: Timestamp(1),
        view: View {
            now: Timestamp(1),
            started_at: Timestamp(1),
            paused_for: Duration::ZERO,
            cohorts: Vec::new(),
            starts_last_minute: 0,
            approvals: Vec::new(),
            advances: Vec::new(),
            signals: Vec::new(),
        },
        memo_before: Vec::new(),
        answer: DecisionAnswer::Failed(String::new()),
    }))
}

fn commit(store: &mut Store, set: &ChangeSet) -> Result<Committed, CommitError> {
    store.commit(&[set]).remove(0)
}

fn full(error: &StoreError) -> bool {
    let text = error.to_string();
    matches!(error, StoreError::DiskFull(_)) && text.contains("disk of the state database is full")
}

/// Issue 3: disk full. Nothing is kept, no number is used up, and it goes on by itself once
/// there is room.
#[test]
fn a_full_disk_refuses_whole_sets_and_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("state.db");
    let mut store = Store::open(&Location::File(path)).expect("a new file opens");
    store
        .connection
        .execute_batch(
            "INSERT INTO release VALUES (1, 'app', '1', 1, x'00', 'x', 1);
             INSERT INTO rollout (key, name, release, plan, created_at, state, paused_for)
             VALUES (1, 'r', 1, '{}', 1, 1, 0)",
        )
        .expect("written");
    commit(&mut store, &set(1)).expect("there is room");
    limit_pages(&store, 1);

    let mut small = set(1);
    let mut large = set(LARGE);
    for set in [&mut small, &mut large] {
        set.changes.push(decided());
    }
    let answers = store.commit(&[&small, &large]);
    for answer in answers {
        let error = answer.expect_err("there is no room");
        assert!(
            matches!(&error, CommitError::Storage(error) if full(error)),
            "{error}"
        );
    }
    let hold = Hold {
        subject: HoldSubject::Device(DeviceId::new("d-1")),
        kind: HoldKind::Hold,
        until: None,
        actor: String::new(),
        reason: "x".repeat(LARGE),
        at: Timestamp(1),
    };
    let error = store.place_hold(&hold).expect_err("there is no room");
    assert!(full(&error), "{error}");
    assert!(store.holds(Timestamp(2)).expect("readable").is_empty());
    assert_eq!(store.last_event().expect("readable"), Sequence(1));

    limit_pages(&store, u32::MAX - 1);
    let committed = commit(&mut store, &large).expect("there is room");
    assert_eq!(committed.first, Sequence(2));
    // It is not packed with one that was lost.
    let decisions = store.decisions(ROLLOUT, 0, 9).expect("readable");
    assert_eq!(decisions.len(), 1);
    assert!(store.check().expect("the check runs").is_empty());
}

/// A broken disk is hard to come by: these are SQLite's words for it.
#[test]
fn each_fault_of_the_disk_says_what_to_do() {
    let failure = |code| {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        StoreError::from(error)
    };
    let cases = [
        (ffi::SQLITE_FULL, "is full: free some space"),
        (ffi::SQLITE_READONLY, "is read-only: make the file"),
        (
            ffi::SQLITE_READONLY_DIRECTORY,
            "is read-only: make the file",
        ),
        (
            ffi::SQLITE_IOERR_FSYNC,
            "failed: look into the system's log",
        ),
        (ffi::SQLITE_IOERR_READ, "failed: look into the system's log"),
    ];
    for (code, text) in cases {
        let error = failure(code);
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.source().is_some(), "what SQLite said is kept");
    }
    let other = failure(ffi::SQLITE_CORRUPT);
    assert!(matches!(other, StoreError::Database(_)), "{other}");
}

//! Decisions take few bytes, and are the same when they are read.

mod support;

use std::{collections::BTreeMap, fs, iter, path::PathBuf, time::Duration};

use rusqlite::Connection;
use tempfile::TempDir;
use windlass_model::{
    AttemptId, Ceiling, Change, ChangeSet, CohortView, Decision, DecisionAnswer, DecisionRecord,
    FailureKind, PluginName, RolloutKey, Sha256, StateCounts, StateKind, Timestamp, Verdict, View,
};
use windlass_store::{Location, Retention, Store, StoreError, StoredDecision};

/// As long as those of today.
const START: Timestamp = Timestamp(1_790_000_000_000);
const COHORTS: u64 = 3;
const SIZE: u64 = 1_000_000;

/// A state file, and a rollout in it.
struct Place {
    directory: TempDir,
    rollout: RolloutKey,
}

impl Place {
    fn new() -> Self {
        let mut place = Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            rollout: RolloutKey(0),
        };
        let mut store = place.open();
        let plan = support::plan(&mut store);
        place.rollout = store
            .create_rollout(&plan, &mut iter::empty(), START)
            .expect("created");
        place
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("state.db")
    }

    fn open(&self) -> Store {
        Store::open(&Location::File(self.path())).expect("the file is free")
    }

    fn sqlite(&self) -> Connection {
        Connection::open(self.path()).expect("SQLite opens the file")
    }

    fn set(&self, records: &[DecisionRecord]) -> ChangeSet {
        let mut set = ChangeSet::new(self.rollout);
        let records = records.iter().cloned().map(Box::new);
        set.changes = records.map(Change::Decision).collect();
        set
    }

    fn write(&self, store: &mut Store, records: &[DecisionRecord]) {
        for answer in store.commit(&[&self.set(records)]) {
            answer.expect("no conflict");
        }
    }

    fn records(&self, store: &Store) -> Vec<DecisionRecord> {
        let stored = store.decisions(self.rollout, 0, usize::MAX);
        let stored = stored.expect("readable").into_iter();
        stored.map(|stored: StoredDecision| stored.record).collect()
    }

    fn count(&self, sql: &str) -> i64 {
        let count = self.sqlite().query_row(sql, [], |row| row.get(0));
        count.expect("a number")
    }

    /// Of a state file that is closed.
    fn size(&self) -> u64 {
        fs::metadata(self.path()).expect("the file exists").len()
    }
}

/// After so many of `SIZE` devices of each cohort ended.
fn record(ended: u64, memo: &[u8]) -> DecisionRecord {
    let at = START.plus(Duration::from_secs(ended));
    let failed = ended / 50;
    let mut states = StateCounts::default();
    *states.get_mut(StateKind::Pending) = SIZE - ended;
    *states.get_mut(StateKind::Succeeded) = ended - failed;
    *states.get_mut(StateKind::DeadLettered) = failed;
    let cohort = |index| CohortView {
        name: format!("cohort-{index}"),
        size: SIZE,
        states,
        started: ended,
        in_progress: 0,
        ended,
        first_failures: BTreeMap::from([(FailureKind::Unreachable, failed)]),
        failures: BTreeMap::from([(FailureKind::Unreachable, failed)]),
        first_started: Some(START),
        last_ended: Some(at),
        recheck: None,
    };
    let ceiling = Ceiling {
        started: ended + 500,
        in_progress: u64::MAX,
    };
    DecisionRecord {
        policy: PluginName::new("careful"),
        component: Sha256([1; 32]),
        settings: Sha256([2; 32]),
        at,
        view: View {
            now: at,
            started_at: START,
            paused_for: Duration::ZERO,
            cohorts: (0..COHORTS).map(cohort).collect(),
            starts_last_minute: 40,
            approvals: Vec::new(),
            advances: Vec::new(),
            signals: Vec::new(),
        },
        memo_before: memo.to_vec(),
        answer: DecisionAnswer::Decided(Decision {
            ceilings: vec![ceiling; COHORTS as usize],
            valid_until: at.plus(Duration::from_secs(60)),
            verdict: Verdict::Continue,
            reasons: Vec::new(),
            memo: memo.to_vec(),
            ask_at: None,
            triggers: Vec::new(),
            rechecks: Vec::new(),
        }),
    }
}

/// What has nothing in common with another `number`.
fn noise(number: u64, length: usize) -> Vec<u8> {
    let mut state = number;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Drops decisions older than a second, so many seconds after the first; how many.
fn prune(store: &mut Store, seconds: u64) -> u64 {
    let retention = Retention {
        decisions: Some(Duration::from_secs(1)),
        events: None,
        attempts: None,
    };
    let now = START.plus(Duration::from_secs(seconds));
    let pruned = store.prune(&retention, now, 10).expect("pruned");
    pruned.decisions
}

#[test]
fn a_decision_takes_few_bytes() {
    const DECISIONS: u64 = 5_000;
    let place = Place::new();
    let before = place.size();
    let memo = br#"{"v":3,"opened":[{"at":[1790000000000,0],"met":null}],"aborted":null}"#;
    let records: Vec<_> = (0..DECISIONS)
        .map(|number| record(number * 37, memo))
        .collect();
    let mut store = place.open();
    for some in records.chunks(1_000) {
        place.write(&mut store, some);
    }
    assert_eq!(place.records(&store), records);
    drop(store);
    // A decision says 2 KB.
    let bytes = (place.size() - before) / DECISIONS;
    assert!((150..400).contains(&bytes), "{bytes}");
    let patterns = place.count("SELECT count(*) FROM pattern");
    assert!((2..200).contains(&patterns), "{patterns}");
}

/// However large, and whether or not anything is like it.
#[test]
fn decisions_that_are_not_alike_make_few_patterns() {
    for length in [10, 1_000, 10_000] {
        let place = Place::new();
        let records: Vec<_> = (0..200)
            .map(|number| record(number, &noise(number, length)))
            .collect();
        let mut store = place.open();
        place.write(&mut store, &records);
        assert_eq!(place.records(&store), records);
        let (packed, patterns) = (
            place.count("SELECT sum(length(bytes)) FROM packed"),
            place.count("SELECT sum(length(bytes)) FROM pattern"),
        );
        assert!(
            patterns < packed / 2 + 20_000,
            "{length}: {patterns} beside {packed}"
        );
    }
}

/// What nobody would write is kept all the same.
#[test]
fn a_decision_of_any_size_is_kept() {
    let place = Place::new();
    let mut store = place.open();
    let records = [
        record(1, &noise(1, 2 << 20)),
        record(2, &[]),
        record(3, &noise(3, 100_000)),
        record(4, &noise(4, 400_000)),
        record(5, &noise(3, 100_000)),
    ];
    place.write(&mut store, &records);
    assert_eq!(place.records(&store), records);
    assert_eq!(place.count("SELECT count(*) FROM packed"), 4);
}

/// Of a transaction that keeps one set and refuses another, and of one that is refused whole.
#[test]
fn nothing_is_packed_with_what_was_not_committed() {
    let place = Place::new();
    let mut store = place.open();
    let mut refused = place.set(&[record(1, b"lost")]);
    refused.changes.push(Change::AttemptSettled {
        attempt: AttemptId(99.try_into().expect("not zero")),
        at: START,
    });
    let kept = place.set(&[record(2, b"kept"), record(3, b"kept")]);
    let answers = store.commit(&[&refused, &kept, &refused]);
    assert!(answers[0].is_err() && answers[1].is_ok() && answers[2].is_err());
    assert!(store.commit(&[&refused])[0].is_err());
    let last = [record(4, b"kept"), record(5, b"kept")];
    place.write(&mut store, &last);
    let numbers: Vec<_> = place
        .records(&store)
        .iter()
        .map(|record| record.at.since(START).as_secs())
        .collect();
    assert_eq!(numbers, [2, 3, 4, 5]);
    assert!(store.check().expect("the check runs").is_empty());
}

/// A pattern goes with the last decision that is packed with it, and what is packed afterwards is
/// packed with another.
#[test]
fn patterns_go_with_their_decisions() {
    const KEPT: &str = "SELECT count(*) FROM pattern";
    let place = Place::new();
    let records: Vec<_> = (0..6).map(|number| record(number, b"same")).collect();
    // Whoever opens the file begins with a pattern of its own.
    place.write(&mut place.open(), &records[..2]);
    let mut store = place.open();
    place.write(&mut store, &records[2..4]);
    assert_eq!(place.count(KEPT), 2);

    for (seconds, patterns, first) in [(2, 2, 1), (3, 1, 2), (9, 1, 3)] {
        assert_eq!(prune(&mut store, seconds), 1);
        assert_eq!(place.count(KEPT), patterns);
        assert_eq!(place.records(&store), records[first..4]);
    }

    place.write(&mut store, &records[4..]);
    assert_eq!(place.records(&store), records[3..]);
    assert!(store.check().expect("the check runs").is_empty());
}

/// Even if all that were packed with it are gone.
#[test]
fn the_newest_pattern_stays() {
    let place = Place::new();
    let mut store = place.open();
    let records = [
        record(0, b"same"),
        record(1, &noise(1, 2 << 20)),
        record(2, b"same"),
    ];
    place.write(&mut store, &records[..2]);
    assert_eq!(prune(&mut store, 9), 1);
    place.write(&mut store, &records[2..]);
    assert_eq!(place.records(&store), records[1..]);
    assert!(store.check().expect("the check runs").is_empty());
}

/// Nothing in the file is trusted: it is an error that names the decision.
#[test]
fn what_cannot_be_unpacked_is_an_error() {
    let place = Place::new();
    place.write(&mut place.open(), &[record(1, b"a"), record(2, b"b")]);
    let reader = Store::open_read_only(&place.path()).expect("readable");
    for (damage, why) in [
        (
            "bytes = x'0000000190'",
            "it says that it unpacks to 16777216 bytes",
        ),
        (
            "bytes = x'ffffffff'",
            "it says that it unpacks to 4294967295 bytes",
        ),
        ("bytes = x''", "it is damaged"),
        (
            "bytes = substr(bytes, 1, length(bytes) - 7)",
            "it is damaged",
        ),
        ("bytes = x'0900000090ff0000000000000022'", "it is cut off"),
        ("pattern = 9", "its pattern 9 is missing"),
    ] {
        let sqlite = place.sqlite();
        let kept = "CREATE TEMP TABLE kept AS SELECT pattern, bytes FROM packed WHERE decision = 2";
        sqlite.execute_batch(kept).expect("sound");
        let damaged =
            sqlite.execute_batch(&format!("UPDATE packed SET {damage} WHERE decision = 2"));
        damaged.expect("sound");
        let error = reader.decisions(place.rollout, 0, 9).expect_err(why);
        let StoreError::Packed {
            decision: 2,
            source,
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(source.to_string(), why);
        let is_missing = why.ends_with("missing");
        let problems = reader.check().expect("the check runs");
        assert_eq!(problems.is_empty(), !is_missing, "{problems:?}");
        sqlite
            .execute_batch(
                "UPDATE packed SET (pattern, bytes) = (SELECT * FROM kept) WHERE decision = 2",
            )
            .expect("sound");
    }
    assert_eq!(place.records(&reader).len(), 2);
}

/// Whatever a bit that has changed makes of it, nothing panics.
#[test]
fn damage_is_an_error_or_another_decision() {
    let place = Place::new();
    place.write(&mut place.open(), &[record(1, b"a"), record(2, b"b")]);
    let sqlite = place.sqlite();
    let packed: Vec<u8> = sqlite
        .query_row("SELECT bytes FROM packed WHERE decision = 2", [], |row| {
            row.get(0)
        })
        .expect("packed");
    let reader = Store::open_read_only(&place.path()).expect("readable");
    for bit in 0..packed.len() * 8 {
        let mut damaged = packed.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        sqlite
            .execute("UPDATE packed SET bytes = ?1 WHERE decision = 2", [damaged])
            .expect("written");
        let read = reader.decisions(place.rollout, 1, 9);
        assert!(read.is_err() || read.is_ok_and(|read| read.len() == 1));
    }
}

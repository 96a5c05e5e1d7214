//! State files of older schemas.

use std::{collections::BTreeMap, path::PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;
use windlass_model::{
    Change, ChangeSet, DecisionRecord, EventKind, Rollback, RolloutKey, RolloutName, Sequence,
    Timestamp,
};
use windlass_store::{Location, Store};

/// A state file as the program of schema 1 left it.
struct Old {
    directory: TempDir,
}

impl Old {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let old = Self { directory };
        let made = old.sqlite().execute_batch(include_str!("fixtures/v1.sql"));
        made.expect("the SQL is sound");
        old
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("state.db")
    }

    fn sqlite(&self) -> Connection {
        Connection::open(self.path()).expect("SQLite opens the file")
    }

    fn open(&self) -> Store {
        Store::open(&Location::File(self.path())).expect("the file is migrated")
    }
}

/// Every row of every table, with the columns that the tables have now.
fn rows(connection: &Connection, tables: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in tables {
        let columns = columns.join(", ");
        let sql = format!("SELECT {columns} FROM \"{table}\" ORDER BY 1, 2");
        let mut statement = connection.prepare(&sql).expect("the columns are there");
        let count = statement.column_count();
        let mut found = statement.query([]).expect("readable");
        while let Some(row) = found.next().expect("readable") {
            let values = (0..count).map(|column| row.get_ref(column).expect("a column"));
            rows.push(format!("{table} {:?}", values.collect::<Vec<_>>()));
        }
    }
    rows
}

fn tables(connection: &Connection) -> BTreeMap<String, Vec<String>> {
    let mut statement = connection
        .prepare(
            "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
             WHERE t.type = 'table'",
        )
        .expect("the query is sound");
    let mut tables = BTreeMap::<_, Vec<_>>::new();
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    for column in columns.expect("readable") {
        let (table, column) = column.expect("readable");
        tables.entry(table).or_default().push(column);
    }
    tables
}

#[test]
fn a_migration_loses_nothing() {
    let old = Old::new();
    let connection = old.sqlite();
    let known = tables(&connection);
    let before = rows(&connection, &known);
    drop(connection);
    // Two devices, two labels of one, a rollout with a cohort, two targets and an attempt.
    assert_eq!((known.len(), before.len()), (13, 14));

    drop(old.open());
    let connection = old.sqlite();
    let after = rows(&connection, &known);
    let lost: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
    assert_eq!(lost, Vec::<&String>::new());
    assert_eq!(tables(&connection).len(), known.len() + 16);
    let version: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .expect("readable");
    assert_eq!(version, 6);
}

#[test]
fn a_database_of_version_1_opens_with_all_it_holds() {
    let old = Old::new();
    for store in [
        Store::open_copy(&old.path()).expect("a copy is migrated"),
        old.open(),
        Store::open_read_only(&old.path()).expect("the file is current"),
    ] {
        assert!(store.check().expect("the check runs").is_empty());
        assert_eq!(store.device_count().expect("readable"), 2);
        let rollout = store.rollout(&RolloutName::new("r")).expect("readable");
        let snapshot = store
            .snapshot(rollout.expect("known").key)
            .expect("readable");
        assert_eq!(snapshot.rollout.rollback, Rollback::NotWanted);
        assert_eq!(snapshot.rollout.plan.takes_back, None);
        assert_eq!(snapshot.live.len(), 1);
        assert_eq!(snapshot.cohorts[0].states.total(), 2);
        assert_eq!(
            store.events(Sequence(0), 10, None).expect("readable").len(),
            1
        );
    }
}

/// Events of devices were written with the device's id once: they are found by device too, and
/// read as they were.
#[test]
fn events_of_version_1_are_found_by_their_device() {
    let old = Old::new();
    let connection = old.sqlite();
    let id: String = connection
        .query_row("SELECT id FROM device ORDER BY key LIMIT 1", [], |row| {
            row.get(0)
        })
        .expect("readable");
    let kind = format!(
        r#"{{"type":"device-deferred","device":"{id}","until":5,"needs_connection":true,"reason":{{"code":"hold","text":"on hold"}}}}"#
    );
    connection
        .execute("INSERT INTO event VALUES (2, 4000, 1, ?1)", [kind])
        .expect("written");
    drop(connection);
    let store = old.open();
    let device = &store.devices(None, 1, &[]).expect("readable")[0];
    let of_device = store
        .events_of_device(device.key, Timestamp(9_000), 10)
        .expect("readable");
    assert_eq!(
        of_device,
        store.events(Sequence(1), 10, None).expect("readable")
    );
    let EventKind::DeviceDeferred {
        device: found,
        reason: Some(reason),
        ..
    } = &of_device[0].event.kind
    else {
        panic!("{of_device:?}");
    };
    assert_eq!(
        (found, reason.text.as_str()),
        (&device.device.id, "on hold")
    );
}

/// Decisions were kept as they are once: they are read as they were, and packed ones follow them.
#[test]
fn decisions_of_version_1_are_read_as_they_were() {
    let old = Old::new();
    let digest = "01".repeat(32);
    let json = format!(
        r#"{{"policy":"careful","component":"{digest}","settings":"{digest}","at":4000,"view":{{"now":4000,"started_at":3000,"paused_for":{{"secs":0,"nanos":0}},"cohorts":[],"starts_last_minute":0,"approvals":[],"signals":[]}},"memo_before":[],"answer":{{"failed":"it trapped"}}}}"#
    );
    old.sqlite()
        .execute(
            "INSERT INTO decision VALUES (7, 1, 'careful', zeroblob(32), 4000, ?1, x'00ff', x'')",
            [&json],
        )
        .expect("written");
    let mut record: DecisionRecord = serde_json::from_str(&json).expect("a decision");
    record.memo_before = vec![0, 255];

    let mut store = old.open();
    let rollout = RolloutKey(1);
    let read = |store: &Store| -> Vec<_> {
        let stored = store.decisions(rollout, 0, 10).expect("readable");
        stored
            .into_iter()
            .map(|stored| (stored.id, stored.record))
            .collect()
    };
    assert_eq!(read(&store), [(7, record.clone())]);
    let snapshot = store.snapshot(rollout).expect("readable");
    assert_eq!(snapshot.decisions, [Some(record.clone())]);
    let page = store.decision_rows(rollout, 0, 1).expect("readable");
    let row = page.last().expect("there is one");
    let mut room = Vec::new();
    assert_eq!(row.question(&mut room).expect("sound").memo, [0, 255]);

    let mut next = record.clone();
    next.at = Timestamp(5_000);
    let mut set = ChangeSet::new(rollout);
    set.changes = vec![Change::Decision(Box::new(next.clone())); 2];
    for answer in store.commit(&[&set]) {
        answer.expect("no conflict");
    }
    assert_eq!(read(&store), [(7, record), (8, next.clone()), (9, next)]);
    assert!(store.check().expect("the check runs").is_empty());
}

//! No query that runs once a page, a device or an attempt reads a whole table (GO-158).

use std::collections::BTreeMap;

use windlass_model::{
    Condition, Connectivity, Device, DeviceId, IndexedField, Relation, Timestamp, Value,
};

use crate::{
    Location, Store,
    assignment::{ALL_OF_DEVICE, DUE, LIVE, NEXT_DUE, OF_DEVICE, PENDING, TRANSFERS, page_sql},
    commit::{CANCEL_REMAINING, REMAINING_COHORTS},
    dead_letter, decision, history, log, recheck,
    registry::{
        down_by_column, down_by_label, narrowed_query, under_way_by_column, under_way_by_label,
        under_way_of_label,
    },
    retention, rival, rollback, shadow, signal, steering,
};

fn store() -> Store {
    let mut store = Store::open(&Location::Memory).expect("memory is always free");
    let device = Device {
        id: DeviceId::new("d"),
        name: String::new(),
        address: "http://127.0.0.1".to_owned(),
        kind: None,
        version: None,
        status: Connectivity::Unknown,
        location: None,
        timezone: None,
        tags: vec!["lab".to_owned(), "red".to_owned()],
        attributes: BTreeMap::from([("ring".to_owned(), Value::Integer(1))]),
        last_seen: None,
    };
    store
        .import_devices([device], Timestamp(1))
        .expect("the device is imported");
    store
}

fn plan(store: &Store, sql: &str) -> String {
    let mut statement = store
        .connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .expect("the query is sound");
    let steps = statement
        .raw_query()
        .mapped(|row| row.get::<_, String>(3))
        .collect::<Result<Vec<_>, _>>()
        .expect("the plan is text");
    steps.join("; ")
}

fn narrowed(store: &Store, narrow: &[(IndexedField, &[&str])]) -> String {
    let narrow: Vec<_> = narrow
        .iter()
        .map(|(field, values)| Condition {
            field: field.clone(),
            relation: Relation::OneOf(
                values
                    .iter()
                    .map(|value| Value::Text((*value).to_owned()))
                    .collect(),
            ),
        })
        .collect();
    let query = narrowed_query(&store.connection, None, 10, &narrow).expect("readable");
    plan(store, &query.expect("a device may match").sql)
}

#[test]
fn a_narrowed_page_walks_along_an_index() {
    use IndexedField::{Attribute, Id, Kind, Location, Status, Tag, Version};
    let store = store();
    for (field, index) in [
        (Kind, "device_kind"),
        (Version, "device_version"),
        (Location, "device_location"),
    ] {
        let plan = narrowed(&store, &[(field.clone(), &["x"])]);
        assert_eq!(
            plan,
            format!(
                "SEARCH d USING INDEX {index} ({}=? AND rowid>?)",
                &index[7..]
            )
        );
        let plan = narrowed(&store, &[(field, &["x", "y"])]);
        assert!(plan.contains(index), "{plan}");
    }
    let plan = narrowed(&store, &[(Status, &["online"])]);
    assert!(
        plan.contains("device_status (status=? AND rowid>?)"),
        "{plan}"
    );
    let plan = narrowed(&store, &[(Id, &["d"]), (Tag, &["lab"])]);
    assert!(
        plan.starts_with("SEARCH d USING INDEX sqlite_autoindex_device_1 (id=?"),
        "{plan}"
    );

    let along_label = "SEARCH l USING PRIMARY KEY (label=? AND device>?); \
                       SEARCH d USING INTEGER PRIMARY KEY (rowid=?)";
    let plan = narrowed(&store, &[(Tag, &["lab"])]);
    assert_eq!(plan, along_label);
    let plan = narrowed(&store, &[(Tag, &["red"]), (Kind, &["x"])]);
    assert_eq!(plan, along_label);
    let plan = narrowed(&store, &[(Tag, &["lab"]), (Tag, &["red"])]);
    assert!(plan.starts_with(along_label), "{plan}");
    assert!(!plan.contains("SCAN"), "{plan}");
    let ring = (Attribute("ring".to_owned()), ["1"].as_slice());
    let narrow = narrowed_query(
        &store.connection,
        None,
        10,
        &[Condition {
            field: ring.0,
            relation: Relation::Equals(Value::Integer(1)),
        }],
    );
    let query = narrow.expect("readable").expect("a device may match");
    assert_eq!(self::plan(&store, &query.sql), along_label);
    let plan = narrowed(&store, &[]);
    assert_eq!(plan, "SEARCH d USING INTEGER PRIMARY KEY (rowid>?)");
}

#[test]
fn pages_of_assignments_and_events_walk_along_an_index() {
    let store = store();
    let queries = [
        (
            page_sql(PENDING, true),
            "assignment_pending (rollout=? AND cohort=? AND rowid>?)",
        ),
        (
            page_sql(DUE, true),
            "assignment_deferred (rollout=? AND due<?)",
        ),
        (page_sql(LIVE, false), "assignment_live (rollout=?)"),
        (
            NEXT_DUE.to_owned(),
            "assignment_deferred (rollout=? AND due>?)",
        ),
        (
            CANCEL_REMAINING[0].to_owned(),
            "assignment_pending (rollout=?)",
        ),
        (
            CANCEL_REMAINING[1].to_owned(),
            "assignment_deferred (rollout=?)",
        ),
        (
            REMAINING_COHORTS.to_owned(),
            "assignment_pending (rollout=? AND cohort=?)",
        ),
        (
            REMAINING_COHORTS.to_owned(),
            "assignment_deferred (rollout=?)",
        ),
        (TRANSFERS.to_owned(), "assignment_live (rollout=?)"),
        (log::page(), "INTEGER PRIMARY KEY (rowid>?)"),
        (
            log::page_of_rollout(),
            "event_rollout (rollout=? AND rowid>?)",
        ),
        (log::of_device(), "event_device (device=?)"),
        (log::of_device(), "assignment_device (device=?)"),
        (log::of_device(), "event_rank (rollout=? AND rank=?)"),
        (log::of_none(), "event_of_none (rollout=?)"),
        (
            decision::AFTER.to_owned(),
            "decision_rollout (rollout=? AND rowid>?)",
        ),
        (
            decision::NEWEST.to_owned(),
            "decision_policy_time (rollout=? AND policy=? AND at<?)",
        ),
    ];
    for (sql, index) in queries {
        let plan = plan(&store, &sql);
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("SCAN"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn what_is_asked_of_devices_and_their_groups_walks_along_an_index() {
    let store = store();
    let dead_letters = "assignment_dead_letter (rollout=?)";
    let queries: [(String, &[&str]); 23] = [
        (
            rival::ELSEWHERE.to_owned(),
            &["assignment_device (device=?)"],
        ),
        (
            page_sql(OF_DEVICE, false),
            &["assignment_device (device=? AND rollout=?)"],
        ),
        (
            page_sql(ALL_OF_DEVICE, false),
            &["assignment_device (device=?)"],
        ),
        (
            shadow::tallied_query(),
            &[
                "INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
                "attempt_assignment (assignment=?)",
            ],
        ),
        (
            down_by_column("location"),
            &[
                "device_location (location=?)",
                "attempt_unsettled (device=?)",
                "assignment_failed (device=?)",
            ],
        ),
        (
            down_by_column("kind"),
            &["device_kind (kind=?)", "assignment_failed (device=?)"],
        ),
        (
            down_by_label(),
            &[
                "PRIMARY KEY (label=?)",
                "assignment_failed (device=?)",
                "assignment_device (device=?)",
                "attempt_assignment (assignment=?)",
            ],
        ),
        (
            under_way_by_column("location"),
            &[
                "assignment_live (rollout=?)",
                "COVERING INDEX device_location (location=? AND rowid=?)",
            ],
        ),
        (
            under_way_by_label(),
            &[
                "assignment_live (rollout=?)",
                "PRIMARY KEY (label=? AND device=?)",
            ],
        ),
        (
            under_way_of_label(),
            &[
                "assignment_live (rollout=?)",
                "PRIMARY KEY (label=? AND device=?)",
            ],
        ),
        (
            retention::UNCITED.to_owned(),
            &[
                "INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
                "assignment_blocker (blocker=?)",
                "event_reason (reason=?)",
            ],
        ),
        (
            retention::UNCITED_PATTERNS.to_owned(),
            &[
                "COVERING INDEX pattern_policy (rollout=?)",
                "COVERING INDEX decision_policy (rollout=? AND policy=? AND rowid>? AND rowid<?)",
                "COVERING INDEX pattern_policy (rollout=? AND policy=? AND rowid>?)",
            ],
        ),
        (dead_letter::of_rollout(), &[dead_letters]),
        (
            rollback::targets_sql(),
            &[
                "INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
                "attempt_assignment (assignment=?)",
            ],
        ),
        (
            history::ATTEMPTS.to_owned(),
            &[
                "assignment_device (device>? AND device<?)",
                "attempt_assignment (assignment=?)",
            ],
        ),
        (history::page_sql(), &["INTEGER PRIMARY KEY (rowid>?)"]),
        (
            recheck::succeeded_sql(),
            &[
                "INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
                "attempt_assignment (assignment=?)",
                "assignment_device (device=?)",
            ],
        ),
        (
            recheck::is_overtaken_sql(),
            &[
                "assignment_device (device=?)",
                "attempt_assignment (assignment=? AND rowid>?)",
            ],
        ),
        (
            steering::APPROVALS.to_owned(),
            &["approval_rollout (rollout=?)"],
        ),
        (
            steering::ADVANCES.to_owned(),
            &["advance_rollout (rollout=?)"],
        ),
        (signal::NEWEST.to_owned(), &["PRIMARY KEY (rollout=?"]),
        (signal::HISTORY.to_owned(), &["PRIMARY KEY (rollout=?)"]),
        (
            signal::PRUNE.to_owned(),
            &["PRIMARY KEY (rollout=? AND name=?"],
        ),
    ];
    for (sql, indexes) in queries {
        let plan = plan(&store, &sql);
        for index in indexes {
            assert!(plan.contains(index), "{plan}");
        }
        assert!(!plan.contains("SCAN"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
    // Over all rollouts the index holds nothing but dead letters, in their order.
    let plan = plan(&store, &dead_letter::all());
    assert!(
        plan.starts_with("SCAN a USING INDEX assignment_dead_letter; "),
        "{plan}"
    );
    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
}

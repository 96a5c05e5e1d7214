use std::{
    collections::{BTreeMap, BTreeSet},
    panic,
};

use windlass_model::{
    Condition, Connectivity, Device, DeviceId, IndexedField, JsonText, Relation, Timestamp, Value,
};

use crate::fixture::{Fixture, device};

const NOW: Timestamp = Timestamp(1_000_000);

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A device with everything that a device can have.
fn full() -> Device {
    let mut full = device("full");
    full.location = Some("Zürich \u{0}".to_owned());
    full.timezone = Some("Europe/Zurich".to_owned());
    full.tags = vec!["a".to_owned(), "b".to_owned()];
    full.last_seen = Some(Timestamp(500));
    full.attributes = BTreeMap::from([
        ("boolean".to_owned(), Value::Boolean(true)),
        ("integer".to_owned(), Value::Integer(i64::MIN)),
        ("real".to_owned(), Value::Real(0.1 + 0.2)),
        ("whole".to_owned(), Value::Real(3.0)),
        ("text".to_owned(), text("")),
        (
            "json".to_owned(),
            Value::Json(JsonText {
                json: r#"{"a":[1,null]}"#.to_owned(),
            }),
        ),
    ]);
    full
}

/// GO-21, GO-22, GX-21.
pub(crate) fn devices_come_back_as_they_were_imported(f: &mut Fixture) {
    let report = f.store.import_devices([full()], NOW).expect("imported");
    assert_eq!((report.added, report.changed), (1, 0));
    let stored = f.store.device(&full().id).expect("readable");
    let stored = stored.expect("known");
    assert_eq!(stored.device, full());
    assert_eq!(f.store.device_by_key(stored.key).expect("known"), full());
    let again = f.store.import_devices([full()], NOW).expect("imported");
    assert_eq!((again.unchanged, again.changed), (1, 0));
    assert_eq!(f.store.device_count().expect("counted"), 1);
}

/// GO-116: no page is short but the last, nothing is missed or repeated.
pub(crate) fn pages_are_full_and_complete(f: &mut Fixture) {
    let tagged = |number: usize| {
        let mut device = device(&format!("d-{number}"));
        if number.is_multiple_of(3) {
            device.tags = vec!["third".to_owned()];
        }
        device
    };
    f.store
        .import_devices((0..10_000).map(tagged), NOW)
        .expect("imported");
    let third = Condition {
        field: IndexedField::Tag,
        relation: Relation::Equals(text("third")),
    };
    for (narrow, total) in [(vec![], 10_000), (vec![third], 3_334)] {
        let (mut after, mut ids) = (None, Vec::new());
        loop {
            let page = f.store.devices(after, 700, &narrow).expect("a page");
            let Some(last) = page.last() else { break };
            assert!(page.len() == 700 || ids.len() + page.len() == total);
            after = Some(last.key);
            ids.extend(page.into_iter().map(|stored| stored.device.id));
        }
        assert_eq!(ids.len(), total);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), total);
    }
}

fn varied() -> Vec<Device> {
    let mut plain = device("plain");
    plain.kind = None;
    plain.version = None;
    plain.status = Connectivity::Offline;
    let mut one = device("one");
    one.location = Some("attic".to_owned());
    one.tags = vec!["blue".to_owned(), "lab".to_owned()];
    one.attributes = BTreeMap::from([
        ("ring".to_owned(), Value::Integer(1)),
        ("tag".to_owned(), text("lab")),
    ]);
    let mut two = device("two");
    two.kind = Some("till".to_owned());
    two.version = Some("2.10.0".to_owned());
    two.tags = vec!["lab".to_owned()];
    two.attributes = BTreeMap::from([("ring".to_owned(), Value::Real(1.0))]);
    let mut three = device("three");
    three.status = Connectivity::Unknown;
    three.attributes = BTreeMap::from([("ring".to_owned(), Value::Boolean(true))]);
    vec![plain, one, two, three]
}

/// GO-104, GO-158.
pub(crate) fn conditions_narrow_to_the_devices_that_fulfil_them(f: &mut Fixture) {
    use IndexedField::{Attribute, Id, Kind, Location, Status, Tag, Version};
    f.store.import_devices(varied(), NOW).expect("imported");
    let equals = |field, value| Condition {
        field,
        relation: Relation::Equals(value),
    };
    let one_of = |field, values: &[Value]| Condition {
        field,
        relation: Relation::OneOf(values.to_vec()),
    };
    let ring = || Attribute("ring".to_owned());
    let cases: &[(&[Condition], &[&str])] = &[
        (&[], &["plain", "one", "two", "three"]),
        (&[equals(Id, text("two"))], &["two"]),
        (&[equals(Kind, text("gateway"))], &["one", "three"]),
        (
            &[one_of(Kind, &[text("till"), text("gateway")])],
            &["one", "two", "three"],
        ),
        (&[equals(Kind, Value::Integer(1))], &[]),
        (&[equals(Version, text("2.10.0"))], &["two"]),
        (&[equals(Status, text("offline"))], &["plain"]),
        (
            &[one_of(Status, &[text("online"), text("unknown")])],
            &["one", "two", "three"],
        ),
        (&[equals(Status, text("asleep"))], &[]),
        (&[equals(Location, text("attic"))], &["one"]),
        (&[equals(Tag, text("lab"))], &["one", "two"]),
        (
            &[equals(Tag, text("lab")), equals(Tag, text("blue"))],
            &["one"],
        ),
        (
            &[
                one_of(Tag, &[text("blue"), text("red")]),
                equals(Kind, text("gateway")),
            ],
            &["one"],
        ),
        (&[one_of(Tag, &[])], &[]),
        (&[equals(Tag, text("nowhere"))], &[]),
        // Numbers compare by value; a boolean is no number, a tag no attribute.
        (&[equals(ring(), Value::Integer(1))], &["one", "two"]),
        (&[equals(ring(), Value::Real(1.0))], &["one", "two"]),
        (&[equals(ring(), Value::Boolean(true))], &["three"]),
        (&[equals(ring(), text("1"))], &[]),
        (
            &[equals(Attribute("tag".to_owned()), text("lab"))],
            &["one"],
        ),
        (
            &[equals(Id, text("two")), equals(Tag, text("lab"))],
            &["two"],
        ),
    ];
    for (narrow, expected) in cases {
        let found = f.store.devices(None, 10, narrow).expect("a page");
        let ids: Vec<_> = found.iter().map(|found| found.device.id.as_str()).collect();
        assert_eq!(ids, *expected, "{narrow:?}");
    }
}

/// A hint may be weaker than it was meant, never stronger.
pub(crate) fn values_that_are_not_indexed_narrow_nothing(f: &mut Fixture) {
    let long = "x".repeat(1_000);
    let json = JsonText {
        json: "[1]".to_owned(),
    };
    let mut wordy = device("wordy");
    wordy.tags = vec![long.clone()];
    wordy.attributes = BTreeMap::from([
        ("essay".to_owned(), Value::Text(long.clone())),
        ("list".to_owned(), Value::Json(json.clone())),
        (String::new(), Value::Integer(1)),
    ]);
    f.store.import_devices([wordy], NOW).expect("imported");
    for (field, value) in [
        (IndexedField::Tag, Value::Text(long.clone())),
        (
            IndexedField::Attribute("essay".to_owned()),
            Value::Text(long),
        ),
        (
            IndexedField::Attribute("list".to_owned()),
            Value::Json(json),
        ),
        (IndexedField::Attribute(String::new()), Value::Integer(1)),
    ] {
        let relation = Relation::OneOf(vec![value, text("short")]);
        let narrow = [Condition { field, relation }];
        let found = f.store.devices(None, 10, &narrow).expect("a page");
        assert_eq!(found.len(), 1, "{narrow:?}");
    }
}

pub(crate) fn a_changed_device_is_found_by_its_new_labels_only(f: &mut Fixture) {
    f.store.import_devices(varied(), NOW).expect("imported");
    let mut one = device("one");
    one.tags = vec!["green".to_owned(), "lab".to_owned()];
    let report = f.store.import_devices([one], NOW).expect("imported");
    assert_eq!((report.changed, report.added), (1, 0));
    for (tag, count) in [("blue", 0), ("lab", 2), ("green", 1)] {
        let narrow = [Condition {
            field: IndexedField::Tag,
            relation: Relation::Equals(text(tag)),
        }];
        let found = f.store.devices(None, 10, &narrow).expect("a page");
        assert_eq!(found.len(), count, "{tag}");
    }
}

pub(crate) fn devices_missing_from_a_replaced_list_are_unlisted(f: &mut Fixture) {
    f.store.import_devices(varied(), NOW).expect("imported");
    let merged = f
        .store
        .import_devices([device("four")], NOW)
        .expect("imported");
    assert_eq!(merged.unlisted, 0);
    let replaced = f
        .store
        .replace_devices([device("one"), device("four")], NOW)
        .expect("imported");
    assert_eq!(
        (replaced.changed, replaced.unchanged, replaced.unlisted),
        (1, 1, 3)
    );
    assert_eq!(f.store.device_count().expect("counted"), 2);
    assert_eq!(f.store.devices(None, 10, &[]).expect("a page").len(), 2);
    assert_eq!(f.device("two").version.as_deref(), Some("2.10.0"));
    let back = f.store.import_devices(varied(), NOW).expect("imported");
    assert_eq!((back.added, back.changed), (3, 1));
}

pub(crate) fn a_failing_import_keeps_nothing(f: &mut Fixture) {
    let devices = (0..10).map(|number| {
        assert!(number < 5, "the list cannot be read to its end");
        device(&format!("d-{number}"))
    });
    let import = panic::AssertUnwindSafe(|| f.store.import_devices(devices, NOW));
    panic::catch_unwind(import).expect_err("the iterator panics");
    assert_eq!(f.store.device_count().expect("counted"), 0);
}

/// GX-18: decommission.
pub(crate) fn a_decommissioned_device_is_out_of_the_fleet_until_it_comes_back(f: &mut Fixture) {
    let devices = f.fleet(2);
    let id = DeviceId::new("d-1");
    assert!(f.store.set_decommissioned(&id, true).expect("writable"));
    assert_eq!(f.store.device_count().expect("counted"), 1);
    let listed = f.store.devices(None, 10, &[]).expect("readable");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].key, devices[1]);
    let unlisted = f.store.decommissioned(&devices).expect("readable");
    assert_eq!(unlisted, BTreeSet::from([devices[0]]));
    assert_eq!(f.device("d-1").version.as_deref(), Some("1.0.0"));

    let again = [device("d-1"), device("d-2")];
    f.store
        .replace_devices(again, NOW)
        .expect("the list is sound");
    assert_eq!(f.store.device_count().expect("counted"), 1, "it stays out");

    assert!(f.store.set_decommissioned(&id, false).expect("writable"));
    assert!(
        f.store
            .decommissioned(&devices)
            .expect("readable")
            .is_empty()
    );
    let nobody = f.store.set_decommissioned(&DeviceId::new("nobody"), true);
    assert!(!nobody.expect("readable"));
}

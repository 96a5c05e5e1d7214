//! What the host may ask of an index, and which fields it must bring.

use crate::fleet::open;
use windlass_sdk::{Condition, DeviceFields, Filter, IndexedField, Relation, Value};

fn narrowed(expression: &str) -> Vec<Condition> {
    open(expression).expect("the expression is sound").narrow()
}

#[test]
fn conjuncts_that_an_index_knows_become_conditions() {
    let text = |text: &str| Value::Text(text.to_owned());
    let equals = |field, value| Condition {
        field,
        relation: Relation::Equals(value),
    };
    let one_of = |field, values| Condition {
        field,
        relation: Relation::OneOf(values),
    };
    let region = || IndexedField::Attribute("region".into());
    let found = narrowed(
        "device.kind == 'pos' && 'hall-b' == device.location && ('beta' in device.tags \
         && device.attributes.region == 'ne') && device.attributes['region'] in ['ne', 'sw'] \
         && device.attributes.pilot && (device.status == 'online' || device.status == 'unknown') \
         && semver(device.version).isLessThan(semver('2.0.0'))",
    );
    assert_eq!(
        found,
        vec![
            equals(IndexedField::Kind, text("pos")),
            equals(IndexedField::Location, text("hall-b")),
            equals(IndexedField::Tag, text("beta")),
            equals(region(), text("ne")),
            one_of(region(), vec![text("ne"), text("sw")]),
            equals(
                IndexedField::Attribute("pilot".into()),
                Value::Boolean(true)
            ),
            one_of(IndexedField::Status, vec![text("online"), text("unknown")]),
        ]
    );
}

#[test]
fn whatever_an_index_could_answer_differently_is_left_to_the_filter() {
    for expression in [
        "device.kind == 'pos' || device.location == 'x'",
        "!(device.kind == 'pos')",
        "device.kind != 'pos'",
        "device.attributes.ram == 512",
        "device.attributes.ram in [1, 512]",
        "has(device.kind)",
        "device.kind == 'a' || semver(device.version).major() == 2",
    ] {
        assert_eq!(narrowed(expression), vec![], "{expression}");
    }
}

#[test]
fn only_the_fields_that_are_named_are_read() {
    let reads = |expression: &str| open(expression).expect("the expression is sound").reads();
    let named = reads(
        "device.kind == 'pos' && semver(device.version).major() == 2 && device.attributes.a == device.attributes['b']",
    );
    assert_eq!(named.fields, DeviceFields::KIND | DeviceFields::VERSION);
    assert_eq!(named.attributes, ["a", "b"]);
    assert_eq!(reads("device.id == 'x'").fields, DeviceFields::empty());
    assert_eq!(
        reads("device.attributes[device.kind] == 'x'").fields,
        DeviceFields::KIND | DeviceFields::ALL_ATTRIBUTES
    );
    assert_eq!(
        reads("has(device.attributes)").fields,
        DeviceFields::ALL_ATTRIBUTES
    );
    let macros = reads("device.tags.exists(t, t == device.name) && 'z' in device.attributes");
    assert_eq!(
        (macros.fields, macros.attributes),
        (
            DeviceFields::TAGS | DeviceFields::NAME,
            vec!["z".to_owned()]
        )
    );
}

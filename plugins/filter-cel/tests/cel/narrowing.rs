//! Laws that hold for any expression and device.

use proptest::prelude::*;
use windlass_sdk::{
    Attribute, Condition, Connectivity, Device, Filter, IndexedField, Relation, Value,
};

use crate::fleet::{NOW, open, stranger};

/// Small vocabularies, so that devices and expressions often meet.
const WORDS: [&str; 4] = ["a", "b", "2.0.0", "online"];

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(WORDS.as_slice()).prop_map(str::to_owned)
}

fn term() -> impl Strategy<Value = String> {
    let field = prop::sample::select(
        [
            "device.kind",
            "device.version",
            "device.location",
            "device.status",
            "device.attributes.x",
            "device.attributes['y']",
        ]
        .as_slice(),
    );
    let equality = (
        field.clone(),
        prop::sample::select(["==", "!="].as_slice()),
        word(),
    )
        .prop_map(|(field, sign, word)| format!("{field} {sign} '{word}'"));
    let list = (field.clone(), prop::collection::vec(word(), 0..3))
        .prop_map(|(field, words)| format!("{field} in {words:?}"));
    prop_oneof![
        equality,
        list,
        word().prop_map(|word| format!("'{word}' in device.tags")),
        field.prop_map(|field| format!("has({})", field.replace("['y']", ".y"))),
        Just("semver(device.version).isGreaterThan(semver('1.0.0'))".to_owned()),
        Just("device.attributes.z".to_owned()),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    term().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            3 => (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} && {other})")),
            2 => (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} || {other})")),
            1 => inner.clone().prop_map(|inner| format!("!({inner})")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

fn device() -> impl Strategy<Value = Device> {
    let maybe = || prop::option::of(word());
    let value = prop_oneof![
        word().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Boolean),
        Just(Value::Integer(1))
    ];
    let attributes = prop::collection::btree_map(
        prop::sample::select(["x", "y", "z"].as_slice()),
        value,
        0..4,
    );
    let status = prop::sample::select([Connectivity::Online, Connectivity::Offline].as_slice());
    let tags = prop::collection::btree_set(word(), 0..3);
    (maybe(), maybe(), maybe(), status, tags, attributes).prop_map(
        |(kind, version, location, status, tags, attributes)| Device {
            kind,
            version,
            location,
            status,
            tags: tags.into_iter().collect(),
            attributes: attributes
                .into_iter()
                .map(|(name, value)| Attribute::new(name, value))
                .collect(),
            ..stranger()
        },
    )
}

/// What an index would answer.
fn admits(condition: &Condition, device: &Device) -> bool {
    let text = |text: &Option<String>| text.clone().map(Value::Text).into_iter().collect();
    let has: Vec<Value> = match &condition.field {
        IndexedField::Id => vec![Value::Text(device.id.clone())],
        IndexedField::Kind => text(&device.kind),
        IndexedField::Version => text(&device.version),
        IndexedField::Status => vec![Value::from(match device.status {
            Connectivity::Online => "online",
            Connectivity::Offline => "offline",
            Connectivity::Unknown => "unknown",
        })],
        IndexedField::Location => text(&device.location),
        IndexedField::Tag => device.tags.iter().cloned().map(Value::Text).collect(),
        IndexedField::Attribute(name) => device.attribute(name).cloned().into_iter().collect(),
    };
    match &condition.relation {
        Relation::Equals(wanted) => has.contains(wanted),
        Relation::OneOf(wanted) => wanted.iter().any(|wanted| has.contains(wanted)),
    }
}

proptest! {
    /// The contract of `narrow`: never stronger than the filter.
    #[test]
    fn no_device_that_matches_is_lost_to_the_index(expression in expression(), device in device()) {
        let filter = open(&expression).expect("generated expressions are sound");
        if filter.matches(NOW, device.clone()).expect("it evaluates") {
            for condition in filter.narrow() {
                prop_assert!(admits(&condition, &device), "{expression}: {condition:?} of {device:?}");
            }
        }
    }

    /// The contract of `reads` and of `matches`: what was not asked for, and who
    /// was asked before, make no difference.
    #[test]
    fn an_answer_rests_on_the_fields_read_and_nothing_else(expression in expression(), device in device(), before in device()) {
        let filter = open(&expression).expect("generated expressions are sound");
        let full = filter.matches(NOW, device.clone());
        let reads = filter.reads();
        let mut bare = device;
        bare.attributes.retain(|attribute| reads.attributes.contains(&attribute.name));
        bare.address = "https://elsewhere".into();
        if !reads.fields.contains(windlass_sdk::DeviceFields::TAGS) {
            bare.tags.clear();
        }
        filter.matches(NOW, before).expect("it evaluates");
        prop_assert_eq!(&full, &filter.matches(NOW, bare.clone()));
        prop_assert_eq!(&full, &open(&expression).expect("as before").matches(NOW, bare));
    }

    /// A device is explained exactly when it does not match, by parts of the expression that
    /// are whole.
    #[test]
    fn every_refusal_has_an_explanation(expression in expression(), device in device()) {
        let filter = open(&expression).expect("generated expressions are sound");
        let matches = filter.matches(NOW, device.clone()).expect("it evaluates");
        let refusals = filter.explain(NOW, device);
        prop_assert_eq!(matches, refusals.is_empty());
        for refusal in refusals {
            let (start, end) = refusal.part.expect("it names a part");
            let part = expression.get(start as usize..end as usize).unwrap_or_default();
            prop_assert!(open(part).is_ok(), "`{part}` of {expression}");
        }
    }

    #[test]
    fn no_text_makes_the_parser_fail_without_a_problem(text in "[a-z .'\"()\\[\\]=!&|<>0-9+,?:{}\\\\ä#]{0,40}") {
        if let Err(problems) = open(&text) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                let windlass_sdk::Place::Expression((start, end)) = problem.place else { panic!("{problem:?}") };
                prop_assert!(text.get(start as usize..end as usize).is_some(), "{text:?}: {problem:?}");
            }
        }
    }
}

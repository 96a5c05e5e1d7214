use windlass_model::{DeviceId, EventKind, GroupField, Hold, HoldKind, HoldSubject, Timestamp};

use crate::fixture::Fixture;

fn device(id: &str) -> HoldSubject {
    HoldSubject::Device(DeviceId::new(id))
}

fn group(field: GroupField, value: &str) -> HoldSubject {
    HoldSubject::Group {
        field,
        value: value.to_owned(),
    }
}

fn hold(subject: HoldSubject, at: u64) -> Hold {
    Hold {
        subject,
        kind: HoldKind::Hold,
        until: None,
        actor: "ada".to_owned(),
        reason: "stock-taking".to_owned(),
        at: Timestamp(at),
    }
}

fn place(f: &mut Fixture, hold: &Hold) {
    f.store.place_hold(hold).expect("placed");
}

fn in_force(f: &Fixture, now: u64) -> Vec<Hold> {
    f.store.holds(Timestamp(now)).expect("readable")
}

pub(crate) fn a_subject_has_one_hold(f: &mut Fixture) {
    let first = hold(device("d-1"), 1_000);
    let mut second = hold(device("d-1"), 2_000);
    second.kind = HoldKind::Pin("1.0.0".to_owned());
    place(f, &first);
    assert_eq!(in_force(f, 3_000), std::slice::from_ref(&first));
    place(f, &second);
    assert_eq!(in_force(f, 3_000), [second.clone()]);
    // The same word in another field is another subject.
    let site = hold(group(GroupField::Location, "d-1"), 3_000);
    place(f, &site);
    assert_eq!(in_force(f, 3_000), [second.clone(), site.clone()]);
    let placed = [first, second, site].map(|hold| (None, EventKind::HoldPlaced { hold }));
    assert_eq!(f.events(), placed);
}

pub(crate) fn a_hold_lapses_by_itself(f: &mut Fixture) {
    let mut short = hold(device("d-1"), 1_000);
    short.until = Some(Timestamp(5_000));
    place(f, &short);
    assert_eq!(in_force(f, 4_999).len(), 1);
    assert_eq!(in_force(f, 5_000), []);
    assert_eq!(in_force(f, 4_999).len(), 1, "a clock may be set back");
}

pub(crate) fn every_subject_and_kind_comes_back(f: &mut Fixture) {
    let attribute = |name: &str| GroupField::Attribute(name.to_owned());
    let subjects = [
        device("d-1"),
        group(GroupField::Location, "Zürich \u{0}"),
        group(GroupField::Kind, "till"),
        group(attribute(""), ""),
        group(attribute("site"), "7"),
    ];
    let mut expected = Vec::new();
    for subject in subjects {
        let mut hold = hold(subject, 1_000);
        hold.reason = String::new();
        hold.until = Some(Timestamp(9_000));
        hold.kind = match expected.len() % 2 {
            0 => HoldKind::Hold,
            _ => HoldKind::Pin(String::new()),
        };
        place(f, &hold);
        expected.push(hold);
    }
    assert_eq!(in_force(f, 3_000), expected);
}

pub(crate) fn lifting_a_hold_is_logged_once(f: &mut Fixture) {
    let subject = group(GroupField::Location, "zurich");
    place(f, &hold(subject.clone(), 1_000));
    let mut lift = |subject: &HoldSubject| {
        f.store
            .lift_hold(subject, "ben", "counted", Timestamp(2_000))
            .expect("writable")
    };
    assert!(!lift(&device("zurich")));
    assert!(lift(&subject));
    assert!(!lift(&subject));
    assert_eq!(in_force(f, 3_000), []);
    let lifted = EventKind::HoldLifted {
        subject,
        actor: "ben".to_owned(),
        reason: "counted".to_owned(),
    };
    assert_eq!(f.events()[1..], [(None, lifted)]);
}

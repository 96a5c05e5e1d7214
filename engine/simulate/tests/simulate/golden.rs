//! Sessions as they are shown, to the last byte: of a small fleet with a bad build, and of one
//! that was recorded (issue 4, "golden-file tests of simulator sessions").

use std::time::Duration;

use windlass_model::SignalName;
use windlass_simulate::{
    Faults, Profile, Reads, Scenario, Session, SignalModel, SignalStep,
    show::{Glyphs, Ink, Look, html, side_by_side, text},
};

use crate::{
    canary::Canary,
    falls::lost,
    past,
    scenes::{DAY, HOUR, lived, one_policy, scene},
    verified::Verified,
};

const CANARY: Canary = Canary {
    size: 40,
    soak: DAY,
    count: 3,
};

fn bad() -> Scenario {
    Scenario {
        policies: one_policy(),
        span: 7 * DAY,
        faults: Faults {
            broken: Some(0.6),
            known_after: 2 * HOUR,
            flaky: 0.02,
            ..Faults::default()
        },
        ..scene(Profile::Vehicle, 300, 1)
    }
}

/// The same rollout of a good build, to a fleet that was recorded, beside a signal that nobody
/// heeds.
fn recorded() -> Scenario {
    let step = |hours, reads| SignalStep {
        from: HOUR * hours,
        reads,
    };
    let value = |base, per_harmed| Reads::Value { base, per_harmed };
    Scenario {
        fleet: past::mixed(300),
        faults: Faults::default(),
        signals: vec![SignalModel {
            recorded: None,
            name: SignalName::new("errors"),
            every: Duration::from_secs(60),
            steps: vec![
                step(0, value(0.01, 0.0)),
                step(6, Reads::Missing),
                step(8, value(0.02, -0.5)),
            ],
        }],
        ..bad()
    }
}

fn shown(session: &Session, width: usize) -> String {
    let look = Look {
        width,
        glyphs: Glyphs::Unicode,
        ink: Ink::Plain,
    };
    text(session, &look)
}

#[test]
fn a_bad_build_is_shown() {
    let session = lived(&bad(), &CANARY);
    insta::assert_snapshot!("bad_80", shown(&session, 80));
    insta::assert_snapshot!("bad_120", shown(&session, 120));
    insta::assert_snapshot!("bad_page", html(&[session]));
}

#[test]
fn a_recorded_fleet_is_shown() {
    let session = lived(&recorded(), &CANARY);
    insta::assert_snapshot!("recorded_80", shown(&session, 80));
    insta::assert_snapshot!("recorded_120", shown(&session, 120));
    insta::assert_snapshot!("recorded_page", html(&[session]));
}

/// A build that devices lose again, and the round that finds it out.
#[test]
fn a_build_that_falls_back_is_shown() {
    let session = lived(&lost(0.1, 1), &Verified(CANARY));
    insta::assert_snapshot!("lost_80", shown(&session, 80));
    insta::assert_snapshot!("lost_page", html(std::slice::from_ref(&session)));
    let look = Look {
        width: 80,
        glyphs: Glyphs::Unicode,
        ink: Ink::Plain,
    };
    let unseen = lived(&lost(0.1, 1), &CANARY);
    insta::assert_snapshot!(
        "lost_and_unseen_80",
        side_by_side(&[session, unseen], &look)
    );
}

/// What sessions rest on is told beside them as well: once if it is the same.
#[test]
fn grounds_are_told_of_several_sessions() {
    let one = lived(&recorded(), &CANARY);
    let mut other = one.clone();
    let look = Look {
        width: 80,
        glyphs: Glyphs::Unicode,
        ink: Ink::Plain,
    };
    let shown = side_by_side(&[one.clone(), other.clone()], &look);
    assert_eq!(shown.matches("\nrecorded ").count(), 1, "{shown}");
    other.signals.clear();
    let shown = side_by_side(&[one, other], &look);
    assert_eq!(shown.matches("\nrecorded ").count(), 2, "{shown}");
    assert!(
        shown.contains("signals       A: errors reads 0.01"),
        "{shown}"
    );
}

/// Two configurations that differ in nothing but their file are told apart.
#[test]
fn configurations_are_named() {
    let careful = lived(&bad(), &CANARY);
    let bold = Session {
        configuration: "bold.toml".to_owned(),
        ..careful.clone()
    };
    let look = Look {
        width: 80,
        glyphs: Glyphs::Unicode,
        ink: Ink::Plain,
    };
    let both = [careful, bold];
    for shown in [side_by_side(&both, &look), html(&both)] {
        assert!(shown.contains("app-9.toml: app-9,"), "{shown}");
        assert!(shown.contains("bold.toml: app-9,"), "{shown}");
    }
}

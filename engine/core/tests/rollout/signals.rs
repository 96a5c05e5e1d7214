//! Measurements from outside (issue 4, "Signals").

use std::time::Duration;

use windlass_core::{Effect, Input};
use windlass_model::{
    EventKind, Reading, Signal, SignalName, SignalSample, SignalStatus, Timestamp, View,
};

use crate::{
    plan::{EASY, good, world},
    policy::Policy,
    world::World,
};

/// It goes on for ever, so that there is always somebody to ask.
const HOLDING: Policy = Policy {
    hold_minutes: 60,
    ..EASY
};

fn watching(wanted: &[&[&str]]) -> World {
    let policies = vec![HOLDING; wanted.len()];
    let mut world = world(&[3], &policies, 1, 3, good(3));
    let names = |names: &&[&str]| names.iter().map(|name| SignalName::new(*name)).collect();
    world.wanted = wanted.iter().map(names).collect();
    world.begin();
    world.quiesce();
    world
}

fn sample(world: &World, name: &str, reading: Reading) -> SignalSample {
    SignalSample {
        name: SignalName::new(name),
        at: world.now.wall,
        reading,
        fresh_until: world.now.wall.plus(Duration::from_secs(90)),
    }
}

fn measure(world: &mut World, name: &str, reading: Reading) {
    let samples = vec![sample(world, name, reading)];
    world.input(Input::Signals { samples });
}

/// The views of the newest question.
fn asked(world: &World) -> Vec<View> {
    let newest = world.effects.iter().rev().find_map(|effect| match effect {
        Effect::Decide { requests } => Some(requests),
        _ => None,
    });
    let requests = newest.expect("they were asked").iter();
    requests.map(|request| request.view.clone()).collect()
}

fn questions(world: &World) -> usize {
    let asks = |effect: &&Effect| matches!(effect, Effect::Decide { .. });
    world.effects.iter().filter(asks).count()
}

fn seen(name: &str, value: Option<f64>, at: Option<Timestamp>) -> Signal {
    Signal {
        name: SignalName::new(name),
        value,
        observed_at: at,
    }
}

fn changes(world: &World) -> Vec<SignalStatus> {
    let kinds = world.store.events.iter().map(|event| &event.kind);
    kinds
        .filter_map(|kind| match kind {
            EventKind::SignalChanged { status, .. } => Some(*status),
            _ => None,
        })
        .collect()
}

#[test]
fn each_policy_sees_the_signals_that_it_asked_for() {
    let mut world = watching(&[&["errors", "load"], &[]]);
    assert_eq!(
        asked(&world)[0].signals,
        [seen("errors", None, None), seen("load", None, None)]
    );
    measure(&mut world, "load", Reading::Value(0.5));
    measure(&mut world, "unasked", Reading::Value(9.0));
    let at = world.now.wall;
    world.quiesce();
    let views = asked(&world);
    assert_eq!(
        views[0].signals,
        [
            seen("errors", None, None),
            seen("load", Some(0.5), Some(at))
        ]
    );
    assert!(views[1].signals.is_empty());
    let kept: Vec<_> = world.table().signals.keys().collect();
    assert_eq!(
        kept,
        [&SignalName::new("load")],
        "what nobody asks for is not kept"
    );
}

/// A signal that turned bad is seen at once, and one that says the same within the usual second.
#[test]
fn another_value_asks_at_once() {
    let mut world = watching(&[&["errors"]]);
    let before = questions(&world);
    measure(&mut world, "errors", Reading::Value(0.0));
    assert_eq!(questions(&world), before + 1);
    world.quiesce();
    let before = questions(&world);
    measure(&mut world, "errors", Reading::Value(0.0));
    assert_eq!(questions(&world), before, "it says the same");
    world.let_pass(Duration::from_secs(1));
    assert_eq!(
        questions(&world),
        before + 1,
        "and is a further measurement"
    );
}

/// Issue 4: events tell when a status changes, not of each sample.
#[test]
fn a_change_of_status_is_told_and_a_restart_remembers_it() {
    let mut world = watching(&[&["errors"]]);
    let failed = || Reading::Failed("the server answered 503".to_owned());
    for reading in [
        Reading::Value(0.0),
        Reading::Value(0.1),
        failed(),
        failed(),
        Reading::Value(0.2),
        failed(),
    ] {
        measure(&mut world, "errors", reading);
        world.quiesce();
    }
    let told = [SignalStatus::Failed, SignalStatus::Ok, SignalStatus::Failed];
    assert_eq!(changes(&world), told);
    world.begin();
    measure(&mut world, "errors", failed());
    assert_eq!(changes(&world), told, "as before the restart");
}

/// Nobody measures any more, and nothing else happens: what was known grows stale.
#[test]
fn a_value_grows_stale_and_the_policies_are_asked() {
    let mut world = watching(&[&["errors"]]);
    measure(&mut world, "errors", Reading::Value(0.0));
    let until = world.now.wall.plus(Duration::from_secs(90));
    world.quiesce();
    world.let_pass(Duration::from_secs(89));
    assert_eq!(asked(&world)[0].signals[0].value, Some(0.0));
    world.let_pass(Duration::from_millis(1_500));
    assert_eq!(
        asked(&world)[0].signals,
        [seen("errors", None, Some(until))]
    );
}

/// What is recorded is what was seen: a replay needs nothing else.
#[test]
fn a_decision_is_recorded_with_the_signals_that_it_saw() {
    let mut world = watching(&[&["errors"]]);
    measure(&mut world, "errors", Reading::of(f64::NAN));
    let at = world.now.wall;
    world.let_pass(Duration::from_secs(60 * 61));
    let newest = world.table().decisions[0].clone();
    let recorded = newest.expect("the hold is over").view;
    assert_eq!(recorded.signals, [seen("errors", None, Some(at))]);
    let shown = world.effects.iter().any(|effect| match effect {
        Effect::Decide { requests } => requests[0].view == recorded,
        _ => false,
    });
    assert!(shown, "{recorded:?}");
}

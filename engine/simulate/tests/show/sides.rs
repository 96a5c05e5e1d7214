//! Several sessions beside each other.

use windlass_simulate::show::{Look, side_by_side};

use crate::fixture::{self, PLAIN};

fn careful() -> windlass_simulate::Session {
    let mut session = fixture::million();
    session.rollout = "pos-2.3-careful".to_owned();
    session.peak_starts /= 2;
    session.updated.half = session.updated.half.map(|at| at + fixture::hours(50.0));
    session.updated.all = None;
    session
}

#[test]
fn two_that_go_well() {
    let sessions = [fixture::million(), careful()];
    insta::assert_snapshot!(side_by_side(&sessions, &PLAIN));
}

/// A bad build that is spread faster is not the better for it.
#[test]
fn where_a_build_does_harm_speed_is_no_virtue() {
    let sessions = [fixture::million(), fixture::aborted()];
    let shown = side_by_side(&sessions, &PLAIN);
    let marked: Vec<_> = shown.lines().filter(|line| line.contains('*')).collect();
    assert!(
        !marked.iter().any(|line| line.starts_with("50 %")),
        "{shown}"
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn more_than_fit_beside_each_other() {
    let sessions = [
        careful(),
        fixture::million(),
        careful(),
        fixture::aborted(),
        careful(),
    ];
    insta::assert_snapshot!(side_by_side(&sessions, &Look { width: 60, ..PLAIN }));
}

#[test]
fn fleets_of_different_sizes_are_not_judged() {
    let shown = side_by_side(&[fixture::small(), fixture::million()], &PLAIN);
    assert!(!shown.contains('*'), "{shown}");
}

#[test]
fn nothing_to_compare() {
    insta::assert_snapshot!(side_by_side(
        &[fixture::empty(), fixture::blocked()],
        &PLAIN
    ));
    assert_eq!(side_by_side(&[], &PLAIN), "0 configurations compared\n");
}

//! Filters and policies that cannot judge devices.

use std::time::Duration;

use windlass_core::{Standing, admission::code};
use windlass_model::{EventKind, Outcome, RolloutState, StateKind};

use crate::plan::{EASY, good, world};

/// Design §5 ("a plugin that traps holds its own rollouts"): devices that nobody can judge
/// stay as they are, the rollout holds and says why, and goes on by itself.
#[test]
fn a_filter_that_fails_holds_the_rollout_until_it_works_again() {
    let mut world = world(&[40], &[EASY], 4, 1, good(40));
    world.unjudged_until = world.now.monotonic + Duration::from_secs(3600);
    world.begin();
    world.let_pass(Duration::from_secs(120));
    assert_eq!(world.state(), RolloutState::Holding);
    let Standing::Blocked(reasons) = world.standing() else {
        panic!("{:?}", world.standing());
    };
    assert_eq!(reasons[0].code, code::PLUGIN_FAILED);
    let looks = world.looks;
    world.let_pass(Duration::from_secs(3000));
    assert!(world.looks > looks, "it keeps asking");
    assert!(world.looks < 100 * 40, "and not too often: {}", world.looks);
    let rows = world.table().rows.values();
    assert!(
        rows.into_iter()
            .all(|row| row.state.kind() == StateKind::Pending)
    );
    world.let_pass(Duration::from_secs(600));
    let released = |event: &EventKind| matches!(event, EventKind::RolloutReleased);
    assert_eq!(world.count(released), 1);
    assert_eq!(world.go_on(), Outcome::Completed);
    world.check_end();
}

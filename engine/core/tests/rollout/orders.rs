//! What people order (issue 3: "Steering a running rollout").

use std::time::Duration;

use windlass_core::{Effect, Input, Refusal, Standing, WaitingFor};
use windlass_model::{
    Advance, AssignmentState, CohortIndex, DeviceId, EventKind, FailureKind, InFlight, Outcome,
    Rollback, RolloutState, SkipReason, StateKind, Steering,
};

use crate::{
    fleet::{Mood, Presence},
    plan::{EASY, good, world},
    policy::Policy,
    world::{ONLY, World},
};

const GATED: Policy = Policy {
    gate: Some("qa"),
    ..EASY
};

pub(crate) fn id(key: i64) -> DeviceId {
    DeviceId::new(format!("device-{key}"))
}

pub(crate) fn failing(moods: &[Mood], count: usize) -> Vec<(Vec<Mood>, Presence)> {
    vec![(moods.to_vec(), Presence::There); count]
}

/// A world with one push under way.
pub(crate) fn pushing(count: usize) -> World {
    let mut world = world(&[count as u64], &[EASY], 1, 3, good(count));
    world.begin();
    while world.in_flight() == 0 {
        assert_eq!(world.turn(), None);
    }
    world
}

pub(crate) fn kinds(world: &World) -> Vec<StateKind> {
    let rows = world.table().rows.values();
    rows.map(|row| row.state.kind()).collect()
}

/// Issue 3: "each command is stored with actor, time and reason", in one transaction with
/// what it did.
#[test]
fn an_order_is_logged_before_what_it_does() {
    let mut world = pushing(2);
    world.order(ONLY, Steering::Pause).expect("it runs");
    let last: Vec<_> = world.store.events.iter().rev().take(2).collect();
    assert!(matches!(last[0].kind, EventKind::RolloutPaused { .. }));
    let EventKind::OrderGiven {
        actor,
        reason,
        order,
    } = &last[1].kind
    else {
        panic!("{:?}", last[1]);
    };
    assert_eq!((actor.as_str(), reason.as_str()), ("tester", "a test"));
    assert_eq!(*order, Steering::Pause);
}

/// Design §7.6: after a pause or an abort nothing starts; what is in flight finishes, or is
/// cancelled if the operator says so.
#[test]
fn an_abort_lets_transfers_finish_or_cuts_them() {
    for (in_flight, succeeded) in [(InFlight::Finish, 1), (InFlight::Cancel, 0)] {
        let mut world = pushing(4);
        world
            .order(ONLY, Steering::Abort { in_flight })
            .expect("it runs");
        world.hasten(|effect| matches!(effect, Effect::Cancel { .. }));
        assert_eq!(world.go_on(), Outcome::Aborted);
        let count = |wanted| kinds(&world).iter().filter(|kind| **kind == wanted).count();
        assert_eq!(count(StateKind::Succeeded), succeeded);
        assert_eq!(count(StateKind::Cancelled), 4 - succeeded);
        assert!(
            world.table().condemned.is_none(),
            "a person condemns nothing"
        );
    }
}

/// Design §7.6: a release whose rollout a policy aborted is condemned, in the same step in
/// which nothing starts any more.
#[test]
fn an_abort_by_a_policy_condemns_the_release() {
    for rolls_back in [false, true] {
        let policy = Policy {
            abort_at: Some(2),
            rolls_back,
            ..EASY
        };
        let devices = failing(&[Mood::Rejects], 9);
        let mut world = world(&[9], &[policy], 1, 1, devices);
        assert_eq!(world.run(), Outcome::Aborted);
        assert!(world.table().condemned.is_some());
        let told = |event: &EventKind| matches!(event, EventKind::ReleaseCondemned { release, version, .. } if release == "app" && version == "2.0.0");
        assert_eq!(world.count(told), 1);
        let wanted = world.table().rollout.rollback == Rollback::Wanted;
        assert_eq!(wanted, rolls_back);
        world.check_end();
    }
}

/// Design §7.6: the failure of the last device counts like any other, whether the policy is
/// asked in the same process or the engine dies before.
#[test]
fn a_verdict_on_the_last_device_is_not_lost() {
    for dies in [false, true] {
        let policy = Policy {
            abort_at: Some(1),
            rolls_back: true,
            ..EASY
        };
        let mut world = world(&[1], &[policy], 1, 1, failing(&[Mood::Rejects], 1));
        world.begin();
        while kinds(&world) != [StateKind::Rejected] {
            assert_eq!(world.turn(), None);
        }
        assert_eq!(world.state(), RolloutState::Running);
        assert!(matches!(world.standing(), Standing::Working));
        if dies {
            world.begin();
        }
        let before = world.now;
        assert_eq!(world.go_on(), Outcome::Aborted);
        assert_eq!(world.now, before, "it was asked at once");
        assert_eq!(world.table().rollout.rollback, Rollback::Wanted);
        assert!(world.table().condemned.is_some());
    }
}

/// A policy that cannot answer delays the end by one question, and no more.
#[test]
fn a_failing_policy_does_not_keep_a_rollout_from_ending() {
    let policy = Policy {
        abort_at: Some(1),
        fails_every: 2,
        ..EASY
    };
    let mut world = world(&[1], &[policy], 1, 1, failing(&[Mood::Rejects], 1));
    assert_eq!(world.run(), Outcome::Completed);
}

/// Issue 3: rollback by hand, also of a rollout that has ended; once.
#[test]
fn a_rollout_is_taken_back_once_and_also_after_its_end() {
    let back = || Steering::RollBack {
        in_flight: InFlight::Finish,
    };
    let mut world = pushing(3);
    world.order(ONLY, back()).expect("it runs");
    assert_eq!(world.table().rollout.rollback, Rollback::Wanted);
    assert_eq!(world.go_on(), Outcome::Aborted);
    world.table_mut().rollout.rollback = Rollback::Made;
    world.reload();
    assert_eq!(world.order(ONLY, back()), Err(Refusal::TakenBack));

    let mut world = pushing(3);
    assert_eq!(world.go_on(), Outcome::Completed);
    world.order(ONLY, back()).expect("it has ended");
    assert_eq!(world.table().rollout.state, RolloutState::Completed);
    assert_eq!(world.table().rollout.rollback, Rollback::Wanted);
}

/// Issue 3, "automatic by a policy's verdict or by hand": where a verdict alone takes nothing
/// back, a person orders what the policy wanted, and the log says so.
#[test]
fn a_person_may_order_the_rollback_that_a_policy_wants() {
    let policy = Policy {
        abort_at: Some(1),
        rolls_back: true,
        ..EASY
    };
    let mut world = world(&[3], &[policy], 1, 1, failing(&[Mood::Rejects], 3));
    assert_eq!(world.run(), Outcome::Aborted);
    assert_eq!(world.table().rollout.rollback, Rollback::Wanted);
    world.reload();
    let what = Steering::RollBack {
        in_flight: InFlight::Finish,
    };
    world.order(ONLY, what.clone()).expect("none was made");
    assert_eq!(world.table().rollout.rollback, Rollback::Wanted);
    let given =
        |event: &EventKind| matches!(event, EventKind::OrderGiven { order, .. } if *order == what);
    assert_eq!(world.count(given), 1);
}

/// Issue 3: an order that does not fit is refused with a sentence, and nothing changes.
#[test]
fn orders_that_do_not_fit_are_refused_in_words() {
    let mut world = pushing(3);
    let mut refused = |what| {
        let events = world.store.events.len();
        let told = world.order(ONLY, what).expect_err("it does not fit");
        assert_eq!(world.store.events.len(), events);
        told.to_string()
    };
    for (what, sentence) in [
        (
            Steering::Resume,
            "the rollout is running; it cannot be resumed",
        ),
        (
            Steering::Exclude { device: id(9) },
            "device `device-9` is not in this rollout",
        ),
        (
            Steering::Retry { device: id(1) },
            "device `device-1` does not wait for another try: it is transferring",
        ),
        (
            Steering::Requeue {
                devices: vec![id(1)],
            },
            "device `device-1` is no dead letter: it is transferring",
        ),
        (Steering::Dismiss { devices: vec![] }, "no device was named"),
        (
            Steering::Approve {
                gate: "qa".to_owned(),
                expires: None,
            },
            "no policy waits at a gate named `qa`; none waits for consent",
        ),
    ] {
        assert_eq!(refused(what), sentence);
    }
    assert_eq!(world.go_on(), Outcome::Completed);
    let told = world.order(ONLY, Steering::Exclude { device: id(1) });
    let ended = "device `device-1` has ended (succeeded) in this rollout";
    assert_eq!(told.expect_err("it ended").to_string(), ended);
    let told = world.order(ONLY, Steering::Pause).expect_err("it ended");
    let over = "the rollout has completed; it cannot be paused";
    assert_eq!(told.to_string(), over);
}

/// Issue 3: a manual approval gate opens by consent to its own name, at once, and a consent
/// that has lapsed is shown to no policy.
#[test]
fn an_approval_opens_its_gate_at_once_and_lapses() {
    let mut world = world(&[1, 2], &[GATED], 2, 1, good(3));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    assert!(matches!(world.standing(), Standing::Blocked(_)));
    let approve = |gate: &str, expires| Steering::Approve {
        gate: gate.to_owned(),
        expires,
    };
    let wrong = world.order(ONLY, approve("ops", None));
    let sentence = "no policy waits at a gate named `ops`; one waits at `qa`";
    assert_eq!(wrong.expect_err("a wrong name").to_string(), sentence);
    let past = world.order(ONLY, approve("qa", Some(world.now.wall)));
    assert!(matches!(past, Err(Refusal::Lapsed { .. })));
    let before = world.now;
    world.order(ONLY, approve("qa", None)).expect("it waits");
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(world.now, before, "the policy was asked at once");
    assert_eq!(world.table().approvals[0].actor, "tester");

    let mut world = self::world(&[1, 2], &[GATED], 2, 1, good(3));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    let soon = world.now.wall.plus(Duration::from_secs(1));
    world.order(ONLY, Steering::Pause).expect("it runs");
    world
        .order(ONLY, approve("qa", Some(soon)))
        .expect("it waits");
    world.let_pass(Duration::from_secs(5));
    let shown = world.effects.iter().rev().find_map(|effect| match effect {
        Effect::Decide { requests } => Some(&requests[0].view),
        _ => None,
    });
    assert!(shown.expect("asked").approvals.is_empty());
}

/// Issue 3: an approval is for the rollout, not for the process.
#[test]
fn approvals_survive_a_restart_and_may_be_given_without_an_engine() {
    let mut world = world(&[1, 2], &[GATED], 2, 1, good(3));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    world.reload();
    let gate = "qa".to_owned();
    let what = Steering::Approve {
        gate,
        expires: None,
    };
    world.order(ONLY, what).expect("the stored decision waits");
    assert_eq!(world.in_flight(), 0, "nothing happens before Begin");
    assert_eq!(world.run(), Outcome::Completed);
}

/// Issue 3: `advance [--full]` past the gate that the rollout stands at.
#[test]
fn an_advance_names_the_cohort_that_the_rollout_stands_at() {
    for (full, cohort) in [(false, Some(CohortIndex(0))), (true, None)] {
        let mut world = world(&[1, 2, 3], &[GATED], 2, 1, good(6));
        world.begin();
        world.let_pass(Duration::from_secs(3));
        world
            .order(ONLY, Steering::Advance { full })
            .expect("it waits");
        let Advance {
            cohort: past,
            actor,
            ..
        } = &world.table().advances[0];
        assert_eq!((*past, actor.as_str()), (cohort, "tester"));
        assert_eq!(world.go_on(), Outcome::Completed);
    }
    let mut bare = world(&[3], &[], 1, 1, good(3));
    bare.begin();
    let told = bare.order(ONLY, Steering::Advance { full: false });
    assert_eq!(told, Err(Refusal::NoPolicy));
}

/// Issue 3: before the first cohort has begun there is no end of a cohort to pass; consent
/// opens the gate before it, and so does an advance past everything.
#[test]
fn nothing_is_advanced_past_before_anything_has_begun() {
    let first = Policy {
        gates_first: true,
        ..GATED
    };
    for full in [false, true] {
        let mut world = world(&[1, 2], &[first], 2, 1, good(3));
        world.begin();
        world.let_pass(Duration::from_secs(3));
        let told = world.order(ONLY, Steering::Advance { full: false });
        let sentence = "nothing has begun yet, so there is no cohort to advance past; \
                        `approve qa` opens the gate that it waits at";
        assert_eq!(told.expect_err("nothing began").to_string(), sentence);
        assert!(world.table().advances.is_empty());
        let what = if full {
            Steering::Advance { full }
        } else {
            Steering::Approve {
                gate: "qa".to_owned(),
                expires: None,
            }
        };
        world.order(ONLY, what).expect("it waits");
        assert_eq!(world.go_on(), Outcome::Completed);
    }
    let held = Policy {
        hold_minutes: 9,
        ..EASY
    };
    let mut world = world(&[1, 2], &[held], 2, 1, good(3));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    let told = world.order(ONLY, Steering::Advance { full: false });
    let told = told.expect_err("nothing began").to_string();
    assert!(told.contains("`advance --full`"), "{told}");
}

/// Issue 3: a hold that a policy ends by a clock of its own, such as a window, is waited for;
/// one that waits for a person is not, nor is a pause.
#[test]
fn a_hold_with_an_instant_is_a_clock() {
    let held = Policy {
        hold_minutes: 9,
        ..EASY
    };
    let longer = Policy {
        hold_minutes: 20,
        ..EASY
    };
    let gated = Policy {
        holds_at_gate: true,
        ..GATED
    };
    let mut world = world(&[2], &[held, longer], 2, 1, good(2));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    assert_eq!(world.state(), RolloutState::Holding);
    let started = world.table().rollout.started_at.expect("it began");
    let lifts_at = started.plus(Duration::from_secs(20 * 60));
    let standing = world.standing();
    let expected = Standing::WaitingUntil(lifts_at, WaitingFor::Policy);
    assert_eq!(standing, expected);
    world.order(ONLY, Steering::Pause).expect("it is held");
    assert!(matches!(world.standing(), Standing::Blocked(_)));
    world.order(ONLY, Steering::Resume).expect("it is paused");
    assert_eq!(world.go_on(), Outcome::Completed);
    assert!(world.now.wall >= lifts_at);

    let mut world = self::world(&[2], &[held, gated], 2, 1, good(2));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    assert_eq!(world.state(), RolloutState::Holding);
    assert!(matches!(world.standing(), Standing::Blocked(_)));
}

/// An order that is fulfilled already is refused in words of its own.
#[test]
fn what_is_so_already_is_refused_as_such() {
    let mut world = pushing(3);
    world.order(ONLY, Steering::Pause).expect("it runs");
    let told = world.order(ONLY, Steering::Pause).expect_err("it is so");
    assert_eq!(told.to_string(), "the rollout is paused already");
    let abort = || Steering::Abort {
        in_flight: InFlight::Finish,
    };
    world.order(ONLY, abort()).expect("paused");
    let told = world.order(ONLY, abort()).expect_err("it is so");
    assert_eq!(told.to_string(), "the rollout is being aborted already");
    assert_eq!(world.go_on(), Outcome::Aborted);
    let told = world.order(ONLY, abort()).expect_err("it is so");
    assert_eq!(told.to_string(), "the rollout was aborted already");
}

/// Issue 3: `exclude DEVICE`; one in flight is left out after its attempt, unless that
/// succeeds.
#[test]
fn an_excluded_device_is_left_out_wherever_it_stands() {
    let excluded = AssignmentState::Skipped(SkipReason::Excluded);
    let mut world = pushing(4);
    world
        .order(ONLY, Steering::Exclude { device: id(4) })
        .expect("it waits");
    assert_eq!(world.table().row(4).state, excluded);
    let in_flight = world
        .table()
        .rows
        .values()
        .find(|row| matches!(row.state, AssignmentState::Transferring(_)))
        .expect("a push")
        .device;
    let device = id(in_flight.0);
    world
        .order(ONLY, Steering::Exclude { device })
        .expect("in flight");
    assert_eq!(world.in_flight(), 1);
    world.fail_next_push(FailureKind::Unreachable);
    assert_eq!(world.table().row(in_flight.0).state, excluded);
    assert_eq!(world.go_on(), Outcome::Completed);
    let skipped = |kind: &&StateKind| **kind == StateKind::Skipped;
    assert_eq!(kinds(&world).iter().filter(skipped).count(), 2);

    let mut world = pushing(1);
    world
        .order(ONLY, Steering::Exclude { device: id(1) })
        .expect("in flight");
    world.go_on();
    assert_eq!(kinds(&world), [StateKind::Succeeded]);
}

/// Issue 3, "nothing is lost": an exclusion that was told as done holds for the attempt in
/// flight also if the engine dies before that ends.
#[test]
fn an_exclusion_survives_the_engine() {
    let excluded = AssignmentState::Skipped(SkipReason::Excluded);
    for (mood, expected) in [
        (Mood::DropsAll, excluded),
        (Mood::Takes, AssignmentState::Succeeded),
    ] {
        let mut world = world(&[1], &[EASY], 1, 3, failing(&[mood], 1));
        world.begin();
        while world.in_flight() == 0 {
            assert_eq!(world.turn(), None);
        }
        world
            .order(ONLY, Steering::Exclude { device: id(1) })
            .expect("in flight");
        if mood == Mood::Takes {
            world.quiesce();
        }
        assert_eq!(world.run(), Outcome::Completed);
        assert_eq!(world.table().row(1).state, expected);
        assert_eq!(world.table().row(1).started_attempts, 1);
        world.check_end();
    }
}

/// Issue 3: an order meets a page that was read before it; the page's row is not believed.
#[test]
fn an_order_overtakes_a_page_that_is_being_read() {
    let mut world = world(&[6], &[EASY], 2, 1, good(6));
    world.begin();
    // The policies' answer, and then the page is on its way.
    assert_eq!(world.turn(), None);
    let page = |effect: &Effect| matches!(effect, Effect::Page { .. });
    assert_eq!(
        world.effects.iter().filter(|effect| page(effect)).count(),
        1
    );
    world
        .order(ONLY, Steering::Exclude { device: id(3) })
        .expect("pending");
    assert_eq!(world.go_on(), Outcome::Completed);
    let excluded = AssignmentState::Skipped(SkipReason::Excluded);
    assert_eq!(world.table().row(3).state, excluded);
    world.check_end();
}

/// Issue 3: `retry DEVICE` does not wait for the back-off, nor for a probe.
#[test]
fn a_retry_is_looked_at_at_once() {
    let busy = (vec![Mood::AsksForTime], Presence::There);
    let away = (Vec::new(), Presence::Away(1));
    let mut world = world(&[2], &[EASY], 2, 3, vec![busy, away]);
    world.begin();
    world.quiesce();
    assert_eq!(kinds(&world), [StateKind::Waiting, StateKind::Deferred]);
    let before = world.now;
    for key in [1, 2] {
        world
            .order(ONLY, Steering::Retry { device: id(key) })
            .expect("it waits");
    }
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(world.now, before);
    assert_eq!(kinds(&world), [StateKind::Succeeded; 2]);
}

/// Issue 3, "with no owner, a command takes the lock, commits and leaves": an order before
/// `Begin` changes rows and asks for nothing.
#[test]
fn an_order_without_an_engine_is_found_by_the_next_one() {
    let mut world = pushing(3);
    world.reload();
    let in_flight = InFlight::Cancel;
    world
        .order(ONLY, Steering::Abort { in_flight })
        .expect("it runs");
    assert_eq!(world.table().rollout.state, RolloutState::Aborting);
    assert_eq!(world.run(), Outcome::Aborted);
    world.check_end();

    let mut world = self::world(&[3], &[EASY], 1, 1, good(3));
    world.begin();
    world.order(ONLY, Steering::Pause).expect("it runs");
    world.quiesce_paused();
    world.reload();
    world
        .order(ONLY, Steering::Abort { in_flight })
        .expect("paused");
    assert_eq!(world.table().rollout.state, RolloutState::Aborted);
    assert_eq!(world.run(), Outcome::Aborted);
}

/// Design §7.2: a dynamic rollout takes devices that match later; they join the last cohort.
#[test]
fn devices_that_join_later_are_updated_too() {
    let mut world = world(&[1, 2], &[GATED], 2, 1, good(5));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    for key in [4, 5] {
        world.table_mut().grow(windlass_model::DeviceKey(key));
    }
    world.input(Input::Grown { added: 2 });
    world
        .order(ONLY, Steering::Advance { full: true })
        .expect("it waits");
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(kinds(&world), [StateKind::Succeeded; 5]);
}

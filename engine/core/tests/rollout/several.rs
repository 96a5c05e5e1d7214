//! Rollouts that share an engine: priorities, superseding, caps, and everything at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    time::Duration,
};

use proptest::{collection::vec, option, prelude::*, sample::select};
use windlass_core::{Behind, Standing, admission::code, stuck};
use windlass_model::{
    AssignmentState, DeviceId, EventKind, GroupField, GroupLimit, Hold, HoldKind, HoldSubject,
    InFlight, Outcome, RolloutKey, StateKind, Steering,
};

use crate::{
    fleet::{Fleet, Mood, Presence, record},
    plan::{EASY, Spec, good, policies, presences},
    policy::Policy,
    world::World,
};

const RELEASES: [(&str, &str); 4] = [
    ("app", "2.0.0"),
    ("os", "r7"),
    ("app", "2.1.0"),
    ("app", "1.9.0"),
];

/// Until the policies have seen all that happened.
const SETTLED: Duration = Duration::from_secs(3);

fn orders() -> impl Strategy<Value = (u32, RolloutKey, Steering)> {
    let device = || (1..30_i64).prop_map(|key| DeviceId::new(format!("device-{key}")));
    let what = prop_oneof![
        2 => Just(Steering::Pause),
        2 => Just(Steering::Resume),
        1 => Just(Steering::Abort { in_flight: InFlight::Finish }),
        1 => Just(Steering::Abort { in_flight: InFlight::Cancel }),
        1 => Just(Steering::RollBack { in_flight: InFlight::Cancel }),
        1 => any::<bool>().prop_map(|full| Steering::Advance { full }),
        8 => device().prop_map(|device| Steering::Exclude { device }),
        8 => device().prop_map(|device| Steering::Retry { device }),
        8 => vec(device(), 1..4).prop_map(|devices| Steering::Requeue { devices }),
        4 => vec(device(), 1..4).prop_map(|devices| Steering::Dismiss { devices }),
    ];
    (1..400_u32, 1..5_i64, what).prop_map(|(at, key, what)| (at, RolloutKey(key), what))
}

fn holds() -> impl Strategy<Value = Hold> {
    (1..30_i64, any::<bool>(), option::of(1..30_u64)).prop_map(|(key, site, minutes)| {
        let device = record(windlass_model::DeviceKey(key));
        Hold {
            subject: if site {
                HoldSubject::Group {
                    field: GroupField::Location,
                    value: device.location.expect("a site"),
                }
            } else {
                HoldSubject::Device(device.id)
            },
            kind: HoldKind::Hold,
            until: minutes.map(|minutes| {
                windlass_model::Timestamp(1_700_000_000_000).plus(Duration::from_secs(60 * minutes))
            }),
            actor: "tester".to_owned(),
            reason: String::new(),
            at: windlass_model::Timestamp(0),
        }
    })
}

#[derive(Clone, Debug)]
struct Wish {
    share: u64,
    policies: Vec<Policy>,
    priority: i32,
    concurrency: Option<NonZeroU32>,
    attempts: u32,
}

fn wishes() -> impl Strategy<Value = Wish> {
    let policies = vec(policies(), 0..2);
    let concurrency = option::weighted(0.3, (1..3_u32).prop_filter_map("", NonZeroU32::new));
    (1..4_u64, policies, -1..2_i32, concurrency, 1..4_u32).prop_map(
        |(share, policies, priority, concurrency, attempts)| Wish {
            share,
            policies,
            priority,
            concurrency,
            attempts,
        },
    )
}

fn limits() -> impl Strategy<Value = Vec<GroupLimit>> {
    let limit =
        (option::of(1..3_u32), option::of(1..4_u32)).prop_map(|(transfers, unavailable)| {
            GroupLimit {
                by: GroupField::Location,
                transfers: transfers.and_then(NonZeroU32::new),
                unavailable: unavailable.and_then(NonZeroU32::new),
                bandwidth: None,
            }
        });
    vec(limit, 0..3)
}

proptest! {
    /// Issue 3: whatever people, devices and the machine do, no cap is exceeded, a device
    /// has one unsettled attempt over all rollouts, nothing starts after a pause or an
    /// abort, counts add up, and everything ends. The world checks it after every step.
    #[test]
    fn whatever_happens_to_several_rollouts_at_once_all_of_them_end(
        devices in vec((vec(select(Mood::ALL.to_vec()), 0..4), presences()), 1..30),
        wishes in vec(wishes(), 1..5),
        limits in limits(),
        retries_per_minute in option::weighted(0.3, 1..60_u32),
        cap in 1..6_usize,
        choices in vec(any::<u16>(), 0..600),
        crashes in vec(1..600_u32, 0..4),
        refusals in vec(1..600_u32, 0..4),
        orders in vec(orders(), 0..12),
        holds in vec(holds(), 0..3),
    ) {
        let total = devices.len() as u64;
        let tables = (1..).zip(RELEASES).zip(&wishes).map(|((key, release), wish)| {
            let first = total / wish.share;
            Spec {
                key: RolloutKey(key),
                release,
                cohorts: &[first, total - first],
                policies: &wish.policies,
                attempts: wish.attempts,
                priority: wish.priority,
                concurrency: wish.concurrency,
            }
            .table()
        });
        let mut world = World::new(tables.collect(), Fleet::new(devices), cap);
        world.limits = limits;
        world.retries_per_minute = retries_per_minute.and_then(NonZeroU32::new);
        world.choices = choices;
        world.crashes = crashes;
        world.refusals = refusals;
        world.orders = orders;
        world.orders.retain(|(_, key, _)| key.0 <= wishes.len() as i64);
        world.holds = holds;
        world.run();
        // What was requeued after the end goes on in another run.
        while world.store.tables.values().any(|table| !table.has_ended()) {
            world.run();
        }
        world.check_end();
    }
}

fn two(first: Spec<'_>, second: Spec<'_>, devices: usize, cap: usize) -> World {
    let fleet = Fleet::new(good(devices));
    World::new(vec![first.table(), second.table()], fleet, cap)
}

/// Two rollouts for three devices, at which the one with `policies` comes first.
fn one_first(policies: &[Policy]) -> World {
    let first = Spec {
        cohorts: &[3],
        policies,
        priority: 1,
        ..Spec::default()
    };
    let second = Spec {
        key: RolloutKey(2),
        release: ("os", "r7"),
        cohorts: &[3],
        ..Spec::default()
    };
    two(first, second, 3, 3)
}

fn starts(world: &World) -> Vec<RolloutKey> {
    world
        .store
        .events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::AttemptStarted { .. }))
        .filter_map(|event| event.rollout)
        .collect()
}

fn states(world: &World, key: i64) -> Vec<StateKind> {
    world.store.tables[&RolloutKey(key)]
        .rows
        .values()
        .map(|row| row.state.kind())
        .collect()
}

/// Design §7.8: of two rollouts for one device the higher priority comes first.
#[test]
fn the_rollout_of_higher_priority_comes_first_for_every_device() {
    let low = Spec {
        cohorts: &[6],
        ..Spec::default()
    };
    let high = Spec {
        key: RolloutKey(2),
        release: ("os", "r7"),
        cohorts: &[6],
        priority: 5,
        ..Spec::default()
    };
    let mut world = two(low, high, 6, 2);
    assert_eq!(world.run(), Outcome::Completed);
    let order = starts(&world);
    assert_eq!(order.len(), 12);
    assert!(order[..6].iter().all(|key| *key == RolloutKey(2)));
    world.check_end();
}

/// Design §7.8: with equal priorities the older comes first.
#[test]
fn of_equal_priorities_the_older_rollout_comes_first() {
    let older = Spec {
        cohorts: &[4],
        ..Spec::default()
    };
    let younger = Spec {
        key: RolloutKey(2),
        release: ("os", "r7"),
        cohorts: &[4],
        ..Spec::default()
    };
    let mut world = two(older, younger, 4, 4);
    world.run();
    assert_eq!(starts(&world)[..4], [RolloutKey(1); 4]);
    assert_eq!(states(&world, 2), [StateKind::Succeeded; 4]);
}

/// Design §7.8: a newer release supersedes an older pending one per device, when the newer
/// admits it.
#[test]
fn a_newer_release_supersedes_an_older_pending_one() {
    let shut = Policy {
        hold_minutes: 60,
        ..EASY
    };
    let old = Spec {
        cohorts: &[5],
        policies: &[shut],
        ..Spec::default()
    };
    let new = Spec {
        key: RolloutKey(2),
        release: ("app", "2.1.0"),
        cohorts: &[5],
        ..Spec::default()
    };
    let mut world = two(old, new, 5, 2);
    world.run();
    assert_eq!(states(&world, 1), [StateKind::Superseded; 5]);
    assert_eq!(states(&world, 2), [StateKind::Succeeded; 5]);
    let by = |event: &EventKind| matches!(event, EventKind::DeviceSuperseded { by: RolloutKey(2), version, .. } if version == "2.1.0");
    assert_eq!(world.count(by), 5);
}

/// Design §7.8: if the newer ends without success, the older goes on.
#[test]
fn the_older_rollout_goes_on_where_the_newer_failed() {
    let shut = Policy {
        hold_minutes: 60,
        ..EASY
    };
    let old = Spec {
        cohorts: &[2],
        policies: &[shut],
        ..Spec::default()
    };
    let new = Spec {
        key: RolloutKey(2),
        release: ("app", "2.1.0"),
        cohorts: &[2],
        ..Spec::default()
    };
    let fleet = Fleet::new(vec![
        (vec![Mood::Rejects], Presence::There),
        (Vec::new(), Presence::There),
    ]);
    let mut world = World::new(vec![old.table(), new.table()], fleet, 2);
    world.run();
    assert_eq!(
        states(&world, 1),
        [StateKind::Succeeded, StateKind::Superseded]
    );
    assert_eq!(
        states(&world, 2),
        [StateKind::Rejected, StateKind::Succeeded]
    );
}

/// Design §7.8: a rollout that waits for another is working while that one is, and says so
/// when that one does not run.
#[test]
fn a_rollout_that_waits_for_a_paused_one_is_blocked_until_that_goes_on() {
    let mut world = one_first(&[EASY]);
    world.begin();
    world
        .order(RolloutKey(1), Steering::Pause)
        .expect("it runs");
    world.let_pass(SETTLED);
    let waits = world.runs[&RolloutKey(2)].rollout.standing(world.now);
    let Standing::Blocked(reasons) = waits else {
        panic!("nothing goes on without a person: {waits:?}");
    };
    let text = &reasons[0].text;
    assert!(text.ends_with("comes first, and it is paused"), "{text}");
    assert!(starts(&world).is_empty());
    world
        .order(RolloutKey(1), Steering::Resume)
        .expect("paused");
    world.go_on();
    assert_eq!(states(&world, 2), [StateKind::Succeeded; 3]);
}

/// Nothing moves a rollout on that waits for one which nothing moves on, though that one runs:
/// it says so as soon as it has looked at its devices once more.
#[test]
fn a_rollout_that_waits_for_a_blocked_one_is_stuck_with_it() {
    let shut = Policy { width: 0, ..EASY };
    let mut world = one_first(&[shut]);
    world.begin();
    world.let_pass(SETTLED);
    let waits = world.runs[&RolloutKey(2)].rollout.standing(world.now);
    let Standing::Behind(behind) = waits else {
        panic!("it waits for the first: {waits:?}");
    };
    assert_eq!(behind.rollouts, [RolloutKey(1)].into());
    let text = &behind.reasons[0].text;
    assert!(
        text.ends_with("the rollout of app 2.0.0 comes first"),
        "{text}"
    );
    assert_eq!(
        world.stuck(),
        [RolloutKey(1)].into(),
        "the first may have made way since"
    );
    world.let_pass(2 * windlass_core::admission::RIVAL_RECHECK);
    assert_eq!(world.stuck(), [RolloutKey(1), RolloutKey(2)].into());
    assert!(starts(&world).is_empty());
}

/// Rollouts that wait for each other in a circle are stuck, unless one of them waits for
/// another that goes on.
#[test]
fn rollouts_that_wait_in_a_circle_are_stuck_until_one_of_them_goes_on() {
    let keys = [1, 2, 3].map(RolloutKey);
    let behind = |rollouts: &[RolloutKey]| {
        let behind = Behind {
            rollouts: rollouts.iter().copied().collect(),
            as_of: Duration::from_secs(100),
            reasons: Vec::new(),
        };
        (Standing::Behind(behind), Duration::from_secs(50))
    };
    let mut all = BTreeMap::from([
        (keys[0], behind(&keys[1..2])),
        (keys[1], behind(&keys[2..])),
        (keys[2], behind(&keys[..1])),
    ]);
    assert_eq!(stuck(&all), keys.into());
    all.insert(RolloutKey(4), (Standing::Working, Duration::ZERO));
    assert_eq!(stuck(&all), keys.into(), "nobody waits for that one");
    all.insert(keys[2], behind(&[keys[0], RolloutKey(4)]));
    assert_eq!(stuck(&all), BTreeSet::new());
    all.insert(
        RolloutKey(4),
        (Standing::Blocked(Vec::new()), Duration::ZERO),
    );
    assert_eq!(stuck(&all).len(), 4);
    all.insert(
        RolloutKey(4),
        (Standing::Blocked(Vec::new()), Duration::from_secs(95)),
    );
    assert_eq!(
        stuck(&all),
        [RolloutKey(4)].into(),
        "it moved, which those behind it may not have seen"
    );
}

/// GO-11: free slots go in turn to rollouts of one priority, and each keeps its own cap.
#[test]
fn rollouts_of_one_priority_share_the_slots_and_keep_their_own_cap() {
    let capped = Spec {
        cohorts: &[8, 0],
        concurrency: NonZeroU32::new(1),
        ..Spec::default()
    };
    let mut world = World::new(vec![capped.table()], Fleet::new(good(8)), 4);
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(world.peak(), 1, "its own cap, of four slots");
}

/// Issue 3: a hold keeps a device out of every rollout; only a person lifts it, so the run
/// is blocked, and says by whom.
#[test]
fn a_hold_blocks_until_a_person_lifts_it() {
    let spec = Spec {
        cohorts: &[2],
        ..Spec::default()
    };
    let mut world = World::new(vec![spec.table()], Fleet::new(good(2)), 2);
    world.holds.push(Hold {
        subject: HoldSubject::Device(DeviceId::new("device-2")),
        kind: HoldKind::Hold,
        until: None,
        actor: "ann".to_owned(),
        reason: "demo unit".to_owned(),
        at: world.now.wall,
    });
    world.begin();
    world.let_pass(SETTLED);
    let Standing::Blocked(reasons) = world.standing() else {
        panic!("{:?}", world.standing());
    };
    let hold = reasons.iter().find(|reason| reason.code == code::HOLD);
    assert!(hold.expect("a hold").text.contains("ann: demo unit"));
    // However long it lasts, it is told once.
    world.let_pass(Duration::from_secs(600));
    assert!(matches!(
        world.table().row(2).state,
        AssignmentState::Deferred(_)
    ));
    let deferred = |event: &EventKind| matches!(event, EventKind::DeviceDeferred { .. });
    assert_eq!(world.count(deferred), 1);
    let before = world.now;
    world.holds.clear();
    world.refresh();
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(world.now, before, "a refresh looks at once");
}

/// Issue 3: a hold binds from its acknowledgement on: devices that may start already, and
/// those whose page is being read, are looked at once more.
#[test]
fn a_hold_binds_devices_that_were_admitted_before_it() {
    for turns in 0..4 {
        let spec = Spec {
            cohorts: &[8],
            ..Spec::default()
        };
        let mut world = World::new(vec![spec.table()], Fleet::new(good(8)), 1);
        world.begin();
        for _ in 0..turns {
            assert_eq!(world.turn(), None);
        }
        let started = |world: &World| starts(world).len();
        let before = started(&world);
        world.holds = (1..=8)
            .map(|key| Hold {
                subject: HoldSubject::Device(DeviceId::new(format!("device-{key}"))),
                kind: HoldKind::Hold,
                until: None,
                actor: "ann".to_owned(),
                reason: String::new(),
                at: world.now.wall,
            })
            .collect();
        world.refresh();
        world.let_pass(SETTLED);
        assert_eq!(started(&world), before, "after {turns} turns");
    }
}

/// Issue 3: a hold with an end is a clock, and a pin lets its own version pass.
#[test]
fn a_hold_with_an_end_is_waited_for_and_a_pin_lets_its_version_pass() {
    let spec = Spec {
        cohorts: &[2],
        ..Spec::default()
    };
    let mut world = World::new(vec![spec.table()], Fleet::new(good(2)), 2);
    let until = world.now.wall.plus(Duration::from_secs(1000));
    for (device, version, until) in [
        ("device-1", "2.0.0", None),
        ("device-2", "1.0.0", Some(until)),
    ] {
        world.holds.push(Hold {
            subject: HoldSubject::Device(DeviceId::new(device)),
            kind: HoldKind::Pin(version.to_owned()),
            until,
            actor: "ann".to_owned(),
            reason: String::new(),
            at: world.now.wall,
        });
    }
    world.begin();
    world.let_pass(SETTLED);
    assert_eq!(states(&world, 1)[0], StateKind::Succeeded);
    let waits = windlass_core::WaitingFor::Hold;
    assert_eq!(world.standing(), Standing::WaitingUntil(until, waits));
    assert_eq!(world.go_on(), Outcome::Completed);
    assert!(world.now.wall >= until);
}

//! Devices whose attempt is out of our hands: with the device, with another rollout, with an
//! engine that was killed.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use windlass_model::{
    AssignmentState, AttemptId, AttemptOutcome, Change, ChangeSet, Event, EventKind, RolloutName,
    StateKind, Timestamp,
};
use windlass_sim::{Behaviour, Fault, Install, Meanwhile, Offline, When};
use windlass_store::{Location, Store};

use crate::{
    sites::fleet,
    support::{Bench, Config},
    terminal::{RUN, Terminal},
    why::{steady, told, why},
};

const OTHER: [&str; 6] = ["run", "other.toml", "--output", "json", "--wait", "done"];

/// A bench of the one device `a-1`.
fn bench(behaviour: Behaviour, rollout: &str) -> Bench {
    let bench = Bench::new(fleet(&["a"], 1, behaviour), 1 << 20);
    bench.configure(&Config {
        rollout,
        ..Config::default()
    });
    bench
}

/// Writes `other.toml`, which brings another release.
fn another_release(bench: &Bench) {
    let text = std::fs::read_to_string(bench.path("windlass.toml")).expect("it was written");
    let text = text.replace("app-9", "app-9.1").replace("9.0.0", "9.1.0");
    bench.write("other.toml", &text);
}

fn slow() -> Behaviour {
    Behaviour {
        bandwidth: NonZeroU64::new(256 << 10),
        ..Behaviour::default()
    }
}

fn away() -> Behaviour {
    Behaviour {
        offline: Some(Offline::default()),
        ..Behaviour::default()
    }
}

/// Kills the engine while it transfers to the device.
async fn killed_in_the_middle(bench: &Bench) {
    let first = Terminal::open(bench, &RUN);
    bench.fleet.until(|counts| counts.begun == 1).await;
    first.signal("-KILL");
    assert_eq!(first.end().await.code, None);
}

/// What an engine left behind that was killed; and once it was taken up, where nothing is pushed
/// before the device has told what it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_outcome_is_told_as_such() {
    let _guard = steady();
    let bench = bench(slow(), "");
    killed_in_the_middle(&bench).await;
    insta::assert_snapshot!("killed", why(&bench, "a-1", &[]).await);
    bench.fleet.disconnect(0);
    let mut run = Terminal::open(&bench, &RUN);
    run.event("device-settling").await;
    insta::assert_snapshot!("settling", why(&bench, "a-1", &[]).await);
    drop(run);
}

/// Design §6: one unsettled attempt a device, over all rollouts: the other one is told whose.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_another_rollout_fences_is_told_by_which() {
    let _guard = steady();
    let bench = bench(slow(), "");
    killed_in_the_middle(&bench).await;
    another_release(&bench);
    let mut other = Terminal::open(&bench, &OTHER);
    other.event("device-deferred").await;
    insta::assert_snapshot!("fenced", why(&bench, "a-1", &[]).await);
    drop(other);
}

/// A person gives fresh attempts to a device that swallowed the release and writes it still: it
/// is asked first.
#[tokio::test(flavor = "multi_thread")]
async fn a_requeued_device_that_may_run_the_release_is_asked_first() {
    let _guard = steady();
    let flashes = Behaviour {
        install: Install {
            takes: Duration::from_secs(3_600),
            meanwhile: Meanwhile::OldVersion,
        },
        ..Behaviour::failing(Fault::Swallow, When::Always)
    };
    let rollout = "settle = { grace = \"1ms\" }\nretry = { attempts = 1 }\n\
                   timeouts = { idle = \"1s\" }";
    let bench = bench(flashes, rollout);
    let run = Terminal::open(&bench, &RUN).end().await;
    assert_eq!(run.result()["dead_lettered"], 1, "{run:#?}");
    told(&bench, &["dead-letters", "requeue", "a-1"]).await;
    let text = std::fs::read_to_string(bench.path("windlass.toml")).expect("it was written");
    bench.write("windlass.toml", &text.replace("\"1ms\"", "\"1h\""));
    let mut run = Terminal::open(&bench, &RUN);
    run.event("device-deferred").await;
    insta::assert_snapshot!("unsettled", why(&bench, "a-1", &[]).await);
    drop(run);
}

/// It took all bytes and restarts.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_restarts_is_told_what_is_waited_for() {
    let _guard = steady();
    let reboots = Behaviour {
        reboot: Duration::from_secs(3_600),
        ..Behaviour::default()
    };
    let bench = bench(reboots, "");
    let mut run = Terminal::open(&bench, &RUN);
    run.event("attempt-delivered").await;
    insta::assert_snapshot!("verifying", why(&bench, "a-1", &[]).await);
    drop(run);
}

/// What a newer release reached while the older one waited for the device.
#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_device_is_told_by_which_release() {
    let _guard = steady();
    let bench = bench(away(), "");
    another_release(&bench);
    let older = bench.run().await;
    assert_eq!(older.code, Some(3), "{older:#?}");
    bench.fleet.connect(0);
    let newer = bench.windlass(&OTHER).await;
    assert_eq!(newer.code, Some(0), "{newer:#?}");
    let older = bench.windlass(&RUN).await;
    assert_eq!(older.code, Some(1), "{older:#?}");
    insta::assert_snapshot!("superseded", why(&bench, "a-1", &[]).await);
}

/// A device that fetches by itself: no delivery of the house offers, so the state file is given
/// what core would write.
#[tokio::test(flavor = "multi_thread")]
async fn an_offer_says_until_when_it_stands() {
    let _guard = steady();
    let bench = bench(away(), "");
    let run = bench.run().await;
    assert_eq!(run.code, Some(3), "{run:#?}");
    offer(&bench);
    insta::assert_snapshot!("offered", why(&bench, "a-1", &[]).await);
}

/// Makes the only assignment one that was offered.
fn offer(bench: &Bench) {
    let file = bench.path("state/windlass.db");
    let mut store = Store::open(&Location::File(file)).expect("nobody has it");
    let rollout = store.rollout(&RolloutName::new("app-9")).expect("readable");
    let rollout = rollout.expect("it was run").key;
    store.reserve_attempt_ids(1).expect("ids are left");
    let rows = store.assignments(rollout, None, 1).expect("readable");
    let mut row = rows[0].clone();
    let from = row.state.kind();
    assert_eq!(from, StateKind::Deferred);
    let attempt = AttemptId(NonZeroU32::MIN);
    let at = Timestamp(1_700_000_000_000);
    row.state = AssignmentState::Offered {
        attempt,
        deadline: Timestamp(4_000_000_000_000),
    };
    row.started_attempts = 1;
    row.counted_attempts = 1;
    row.attempt_started = Some(at);
    row.blocker = None;
    let device = row.device_id.clone();
    let set = ChangeSet {
        rollout,
        changes: vec![
            Change::AttemptStarted {
                attempt,
                assignment: row.id,
                device: row.device,
                number: 1,
                at,
            },
            Change::AttemptEnded {
                attempt,
                at,
                outcome: AttemptOutcome::Offered("job 7".to_owned()),
                bytes: 0,
            },
            Change::Assignment {
                from,
                row: Box::new(row),
            },
        ],
        events: vec![Event {
            at,
            rollout: Some(rollout),
            kind: EventKind::AttemptOffered {
                device,
                attempt,
                offer: "job 7".to_owned(),
            },
        }],
    };
    for committed in store.commit(&[&set]) {
        committed.expect("no conflict");
    }
}

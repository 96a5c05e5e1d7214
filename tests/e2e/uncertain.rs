//! Devices that leave open what became of an attempt (design §6, "after a crash or a lost
//! answer"): nobody is pushed to twice to completion, nobody is forgotten.

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

use windlass_sim::{Behaviour, Fault, FleetSpec, Install, Meanwhile, When};

use crate::{
    support::{Bench, Config, build_guest, repository},
    terminal::{RUN, Terminal},
    verdict::{device, everyone_once, of_type},
};

const DEVICES: u64 = 4;

fn bench(default: Behaviour, rollout: &str) -> Bench {
    bench_of(default, rollout, "", 1_000)
}

fn bench_of(default: Behaviour, rollout: &str, plugins: &str, bytes: usize) -> Bench {
    let spec = FleetSpec {
        count: DEVICES as usize,
        default,
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, bytes);
    bench.configure(&Config {
        rollout,
        plugins,
        ..Config::default()
    });
    bench
}

fn flashing(takes: Duration, meanwhile: Meanwhile) -> Behaviour {
    Behaviour {
        install: Install { takes, meanwhile },
        ..Behaviour::default()
    }
}

/// One try is enough for each: what looks like a failure is none.
async fn settles_with_one_push(bench: Bench) {
    let run = Terminal::open(&bench, &RUN).end().await;
    assert_eq!(bench.fleet.counts().begun, DEVICES, "{run:#?}");
    everyone_once(bench, &run, DEVICES).await;
}

/// The answer comes after the deadline: the device is asked instead.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_its_deadline_is_found_out_by_asking() {
    let after = Duration::from_secs(3);
    let late = Behaviour::failing(Fault::Late { after }, When::Always);
    let rollout = "timeouts = { idle = \"500ms\" }\nretry = { attempts = 1 }";
    settles_with_one_push(bench(late, rollout)).await;
}

/// A device that names its old version while it writes the new one is given the grace.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_flashes_within_its_grace_is_waited_for() {
    let takes = flashing(Duration::from_secs(2), Meanwhile::OldVersion);
    let rollout = "settle = { grace = \"20s\" }\nretry = { attempts = 1 }";
    settles_with_one_push(bench(takes, rollout)).await;
}

/// One that says that it is busy is waited for as long as an attempt may take, whatever the
/// grace.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_busy_for_longer_than_its_grace_is_waited_for() {
    let takes = flashing(Duration::from_secs(2), Meanwhile::Unavailable);
    let rollout = "settle = { grace = \"100ms\" }\nretry = { attempts = 1 }";
    settles_with_one_push(bench(takes, rollout)).await;
}

/// So is one that does not answer at all because it restarts.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_reboots_is_waited_for() {
    let reboots = Behaviour {
        reboot: Duration::from_secs(2),
        ..Behaviour::default()
    };
    let rollout = "settle = { grace = \"100ms\" }\nretry = { attempts = 1 }";
    settles_with_one_push(bench(reboots, rollout)).await;
}

/// One that tells its old version for longer than the grace is believed: not before, and then
/// it is listed by name.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_flashes_beyond_its_grace_is_believed_only_after_it() {
    let takes = flashing(Duration::from_secs(3_600), Meanwhile::OldVersion);
    let rollout = "settle = { grace = \"1s\" }\nretry = { attempts = 1 }";
    let bench = bench(takes, rollout);
    let run = Terminal::open(&bench, &RUN).end().await;
    assert_eq!(run.code, Some(1), "{run:#?}");
    let events = run.events();
    let letters = of_type(&events, "device-dead-lettered");
    assert_eq!(letters.len() as u64, DEVICES, "{run:#?}");
    let report = bench.fleet.stop().await;
    assert_eq!(report.totals.begun, DEVICES);
    for letter in letters {
        let id = device(letter);
        let pushed = report.devices.iter().find(|known| known.id == id);
        let last = pushed
            .and_then(|known| known.last_push)
            .expect("it was pushed to");
        let believed = crate::verdict::millis(letter) - i64::try_from(last.0).expect("it fits");
        assert!(believed >= 990, "{letter} after {believed} ms");
    }
}

/// Devices that took the release from an engine that was killed before they answered, and that
/// install it later, are not pushed to again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_swallowed_before_a_kill_and_installed_after_it_is_not_sent_again() {
    let swallows = Behaviour {
        install: Install {
            takes: Duration::from_secs(2),
            meanwhile: Meanwhile::OldVersion,
        },
        ..Behaviour::failing(Fault::Swallow, When::Always)
    };
    let rollout = "settle = { grace = \"20s\" }\nretry = { attempts = 1 }";
    let bench = bench(swallows, rollout);
    let first = Terminal::open(&bench, &RUN);
    bench
        .fleet
        .until(|counts| counts.completed == DEVICES)
        .await;
    first.signal("-KILL");
    assert_eq!(first.end().await.code, None);
    settles_with_one_push(bench).await;
}

/// Devices that never tell what they run, and an engine that is killed in the middle.
async fn mute_and_killed(plugins: &str, rollout: &str) -> Bench {
    let code = http_status(404);
    let mute = Behaviour {
        bandwidth: NonZeroU64::new(1 << 20),
        ..Behaviour::failing(Fault::Mute { code }, When::Always)
    };
    let bench = bench_of(mute, rollout, plugins, 500_000);
    let first = Terminal::open(&bench, &RUN);
    bench.fleet.until(|counts| counts.begun == DEVICES).await;
    first.signal("-KILL");
    assert_eq!(first.end().await.code, None);
    bench
}

fn http_status(code: u16) -> http::StatusCode {
    http::StatusCode::from_u16(code).expect("it is a status")
}

/// Nobody can tell what became of them: a person is asked, by name, also where pushing again was
/// allowed but the delivery does not declare that this does no harm.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_never_tells_is_a_dead_letter() {
    for on_uncertain in ["dead-letter", "push-again"] {
        let rollout = format!("settle = {{ on_uncertain = \"{on_uncertain}\" }}");
        let bench = mute_and_killed("", &rollout).await;
        let run = Terminal::open(&bench, &RUN).end().await;
        assert_eq!(run.code, Some(1), "{run:#?}");
        assert_eq!(run.result()["dead_lettered"], DEVICES, "{run:#?}");
        assert_eq!(bench.fleet.counts().begun, DEVICES, "{on_uncertain}");
    }
}

/// With a delivery that may push twice and the operator's word, they are pushed to again.
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_delivery_pushes_again_if_it_was_told_to() {
    let plugins = format!(
        "[plugins.again]\ncomponent = \"{}\"",
        idempotent_delivery().display()
    );
    let rollout = "delivery = \"again\"\nsettle = { on_uncertain = \"push-again\" }";
    let bench = mute_and_killed(&plugins, rollout).await;
    let run = Terminal::open(&bench, &RUN).end().await;
    everyone_once(bench, &run, DEVICES).await;
}

fn idempotent_delivery() -> PathBuf {
    let folder = repository().join("tests/guests/idempotent-delivery");
    build_guest(&folder, "idempotent-delivery")
}

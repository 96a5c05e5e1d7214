//! Devices and sites that people keep out of rollouts, or on a version.

use windlass_sim::Behaviour;

use crate::{
    sites::{fleet, site},
    support::Bench,
    support::Config,
    terminal::{RUN, Terminal},
    verdict::{everyone_once, log, of_type},
};

const STATE: [&str; 2] = ["--state", "state/windlass.db"];

/// Two sites of three, known to the state file.
async fn two_sites() -> Bench {
    let bench = Bench::new(fleet(&["a", "b"], 3, Behaviour::default()), 1_000);
    bench.configure(&Config::default());
    told(&bench, &["devices", "import", "devices.json"]).await;
    bench
}

/// A command that succeeds, with the clock of [`Bench::run`].
async fn told(bench: &Bench, args: &[&str]) {
    let mut command = bench.command(&[args, &STATE[..]].concat());
    command.env("WINDLASS_CLOCK_OFFSET", bench.path("offset"));
    let ended = crate::support::finish(command).await;
    assert_eq!(ended.code, Some(0), "{args:?}: {ended:#?}");
}

/// A run that waits to the end, on a clock that can be stepped.
fn run(bench: &Bench) -> Terminal {
    let mut command = bench.command(&RUN);
    command.env("WINDLASS_CLOCK_OFFSET", bench.path("offset"));
    Terminal::start(command)
}

/// Waits until `count` devices were put off for this reason, and says which were pushed to.
async fn put_off(run: &mut Terminal, bench: &Bench, reason: &str, count: usize) -> Vec<String> {
    for _ in 0..count {
        run.reason(reason).await;
    }
    let others = 6 - count as u64;
    bench.fleet.until(|counts| counts.installed == others).await;
    let devices = bench.fleet.report().devices.into_iter();
    devices
        .filter(|device| device.begun > 0)
        .map(|device| device.id)
        .collect()
}

/// A whole site is held, by whom and why is kept, and it goes on when the hold is lifted under
/// the running engine.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_on_hold_is_not_touched_until_it_is_released() {
    let bench = two_sites().await;
    let who = ["--actor", "ann", "--reason", "stocktaking"];
    let hold = ["devices", "hold", "--where", "location=b"];
    told(&bench, &[&hold[..], &who].concat()).await;
    let mut run = run(&bench);
    let reached = put_off(&mut run, &bench, "hold", 3).await;
    assert!(reached.iter().all(|id| site(id) == "a"), "{reached:?}");

    let release = ["devices", "release", "--where", "location=b"];
    let who = ["--actor", "bob", "--reason", "counted"];
    told(&bench, &[&release[..], &who].concat()).await;
    let ended = run.end().await;
    let events = log(&bench).await;
    let placed = of_type(&events, "hold-placed")[0];
    assert_eq!(placed["hold"]["actor"], "ann", "{placed}");
    assert_eq!(placed["hold"]["reason"], "stocktaking", "{placed}");
    let lifted = of_type(&events, "hold-lifted")[0];
    assert_eq!(lifted["actor"], "bob", "{lifted}");
    assert_eq!(lifted["reason"], "counted", "{lifted}");
    everyone_once(bench, &ended, 6).await;
}

/// One device is held while the rollout runs elsewhere, and a hold that has an end lapses by
/// itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_lapses_when_its_time_has_come() {
    let bench = two_sites().await;
    told(&bench, &["devices", "hold", "a-2", "--until", "2h"]).await;
    let mut run = run(&bench);
    let reached = put_off(&mut run, &bench, "hold", 1).await;
    assert!(!reached.contains(&"a-2".to_owned()), "{reached:?}");
    let hours = 2 * 3_600_000 + 60_000;
    let later = bench.write("offset.new", &hours.to_string());
    std::fs::rename(later, bench.path("offset")).expect("it can be renamed");
    everyone_once(bench, &run.end().await, 6).await;
}

/// A pin keeps a device on a version: rollouts to another pass it by, those to it do not.
#[tokio::test(flavor = "multi_thread")]
async fn a_pin_lets_only_its_own_version_through() {
    let bench = two_sites().await;
    told(&bench, &["devices", "pin", "a-1", "--version", "2.2.0"]).await;
    told(&bench, &["devices", "pin", "b-1", "--version", "9.0.0"]).await;
    let mut run = run(&bench);
    let reached = put_off(&mut run, &bench, "pinned", 1).await;
    assert!(!reached.contains(&"a-1".to_owned()), "{reached:?}");
    assert!(reached.contains(&"b-1".to_owned()), "{reached:?}");
    told(&bench, &["devices", "release", "a-1"]).await;
    everyone_once(bench, &run.end().await, 6).await;
}

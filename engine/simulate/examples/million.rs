//! How long a session takes: `million PROFILE DEVICES DAYS`, without a policy and with a canary
//! in plain Rust.

#[path = "../tests/simulate/canary.rs"]
mod canary;
#[path = "../tests/simulate/scenes.rs"]
mod scenes;

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use windlass_simulate::{Faults, Plugins, Profile, Scenario, Session};

use canary::{Canary, Nobody};
use scenes::{DAY, HOUR, lived, one_policy, scene};

#[expect(clippy::print_stdout, reason = "an example reports")]
fn main() {
    let mut args = std::env::args().skip(1);
    let word = args.next().unwrap_or_else(|| "pos".to_owned());
    let profile = Profile::ALL
        .into_iter()
        .find(|profile| profile.as_str() == word)
        .expect("a profile");
    let mut number = |default: u64| {
        let word = args.next();
        word.map_or(default, |word| word.parse().expect("a number"))
    };
    let devices = number(1_000_000);
    let days = number(30);
    let concurrency = number(5000);
    let scene = |policies| {
        let mut scene: Scenario = scene(profile, devices, 1);
        scene.span = DAY * u32::try_from(days).expect("a month or so");
        scene.concurrency = NonZeroUsize::new(concurrency as usize).expect("slots");
        scene.policies = policies;
        scene
    };
    println!(
        "{}",
        told("no policy", || measured(&scene(Vec::new()), &Nobody))
    );
    let canary = Canary {
        size: devices / 100,
        soak: 14 * DAY,
        count: devices / 1000,
    };
    let good = scene(one_policy());
    println!(
        "{}",
        told("canary, good build", || measured(&good, &canary))
    );
    let bad = Scenario {
        faults: Faults {
            broken: Some(0.2),
            known_after: 6 * HOUR,
            flaky: 0.01,
            transfer: Duration::from_secs(120),
            ..Faults::default()
        },
        ..good
    };
    println!("{}", told("canary, bad build", || measured(&bad, &canary)));
}

fn measured<P: Plugins>(scene: &Scenario, plugins: &P) -> (Duration, Session) {
    let began = Instant::now();
    let session = lived(scene, plugins);
    (began.elapsed(), session)
}

fn told(what: &str, run: impl FnOnce() -> (Duration, Session)) -> String {
    let (took, session) = run();
    format!(
        "{what}: {took:.1?}, {} decisions, {:?}, updated {:?}, {:?}, blast radius {:?}, {} samples, {} marks, peak {}",
        session.decisions,
        session.end,
        session.updated,
        session.harm,
        session.blast_radius,
        session.samples.len(),
        session.marks.len(),
        session.peak_starts,
    )
}

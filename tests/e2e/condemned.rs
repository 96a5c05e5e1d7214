//! A release that a policy condemned stays where it is until a person forgives it
//! (design §7.6).

use std::num::NonZeroU64;

use windlass_sim::{Behaviour, Fault, When};

use crate::{
    sites::fleet,
    support::{Bench, Config},
    terminal::{RUN, Terminal},
};

const EACH: usize = 24;

/// `windlass.toml` brings a release to site `a`, where it fails, and `other.toml` the same to
/// site `b`, slowly.
fn one_release_at_two_sites() -> Bench {
    let slow = Behaviour {
        bandwidth: NonZeroU64::new(1 << 20),
        ..Behaviour::default()
    };
    let mut spec = fleet(&["a", "b"], EACH, slow);
    let failing = Behaviour::failing(Fault::status(500), When::Always);
    spec.overrides = (0..EACH).map(|index| (index, failing.clone())).collect();
    let bench = Bench::new(spec, 200_000);
    let at = |site: &str| {
        format!(r#"filter = {{ plugin = "cel", expression = "device.location == '{site}'" }}"#)
    };
    let config = bench.configure(&Config {
        concurrency: 4,
        cohorts: r#"[{ name = "all", percent = 100, abort = { count = 2 } }]"#,
        rollout: &at("a"),
        ..Config::default()
    });
    let other = std::fs::read_to_string(config)
        .expect("it was written")
        .replace("app-9", "app-9-b")
        .replace("concurrency = 4", "concurrency = 2")
        .replace(&at("a"), &at("b"));
    bench.write("other.toml", &other);
    bench
}

/// What one rollout condemns, the others of the engine do not go on with, and nobody resumes
/// them before the release is forgiven.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_one_rollout_condemns_is_paused_in_the_others() {
    let bench = one_release_at_two_sites();
    let mut driven = Terminal::open(
        &bench,
        &["run", "other.toml", "--output", "json", "--wait", "done"],
    );
    driven.event("attempt-started").await;
    let aborted = Terminal::open(&bench, &RUN).end().await;
    assert_eq!(aborted.code, Some(1), "{aborted:#?}");
    assert_eq!(aborted.result()["outcome"], "aborted");
    // Handed over, it is driven with the limits of the engine that runs.
    insta::assert_snapshot!("not_in_force", aborted.stderr);

    let order = driven.event("order-given").await;
    assert_eq!(order["actor"], "windlass", "{order}");
    driven.event("rollout-paused").await;
    bench
        .fleet
        .until(|counts| counts.completed + counts.aborted == counts.begun)
        .await;
    let begun = bench.fleet.counts().begun;

    let resume = ["resume", "other.toml", "--rollout", "app-9-b"];
    let refused = bench.windlass(&resume).await;
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    let text = bench.portable(&refused.stderr);
    assert!(
        text.starts_with("error: the release app 9.0.0 is condemned since "),
        "{text}"
    );
    let help = "`windlass release forgive app 9.0.0 --state state/windlass.db`";
    assert!(text.contains(help), "{text}");
    assert_eq!(bench.fleet.counts().begun, begun, "nothing starts");

    let forgive = [
        "release",
        "forgive",
        "app",
        "9.0.0",
        "--config",
        "other.toml",
    ];
    let forgiven = bench.windlass(&forgive).await;
    assert_eq!(forgiven.code, Some(0), "{forgiven:#?}");
    let resumed = bench.windlass(&resume).await;
    assert_eq!(resumed.code, Some(0), "{resumed:#?}");
    let ended = driven.end().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.result()["succeeded"], EACH, "{ended:#?}");
}

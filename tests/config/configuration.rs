use std::{
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    time::Duration,
};

use windlass_cli::config::{
    ComponentLocation, DEFAULT_CONCURRENCY, IMMEDIATE_COMPONENT, IMMEDIATE_POLICY, Overrides,
    PayloadLocation, RollbackTo, StateLocation, load_config,
};
use windlass_model::{
    Connection, GroupField, GroupLimit, OfflineDevices, OnUncertain, PluginName, VerifyMode,
};

use super::support::{BUILTINS, ISSUE, Place, issue_with};

const SMALL: &str = r#"
[release]
name = "pos-app"
version = "2.3.0"
payload = "pos-app.img"
[plugins.http]
component = "builtin:delivery-http"
[rollout]
name = "small"
delivery = "http"
"#;

#[test]
fn the_issues_configuration_is_read_with_all_it_says() {
    let place = Place::with("rollout.toml", ISSUE);
    let (config, warnings) = place.load().expect("it is normative");
    assert!(warnings.is_empty(), "{warnings}");

    let state = StateLocation::File(place.path("state/windlass.db"));
    assert_eq!(config.engine.state, state);
    assert_eq!(config.engine.concurrency.get(), 100);
    let devices = config.devices.as_ref().expect("they are named");
    assert_eq!(devices.value, place.path("devices.json"));
    assert_eq!(config.release.version.value, "2.3.0");
    let payload = PayloadLocation::File(place.path("pos-app-2.3.0.img"));
    assert_eq!(config.release.payload.value, payload);
    assert_eq!(config.release.media_type, "application/octet-stream");

    let careful = &config.plugins[&PluginName::new("careful")];
    let component = ComponentLocation::Builtin("policy-progressive".to_owned());
    assert_eq!(careful.component.value, component);
    assert_eq!(careful.settings.value()["cohorts"][1]["percent"], 50);

    let rollout = &config.rollout;
    assert_eq!(rollout.name.value.as_str(), "pos-app-2.3.0");
    assert_eq!(rollout.deliveries[0].plugin.value.as_str(), "http");
    let filter = rollout.filter.as_ref().expect("there is one");
    let expression = filter.expression.as_ref().expect("it has one");
    let text = r#"semver(device.version).isLessThan(semver("2.3.0"))"#;
    assert_eq!(expression.text, text);
    assert_eq!(rollout.settings.retry.attempts, 3);
    assert_eq!(rollout.settings.timeouts.attempt, Duration::from_secs(3600));
}

#[test]
fn what_is_not_said_has_defaults() {
    let place = Place::with("rollout.toml", SMALL);
    let (config, warnings) = place.load().expect("nothing else is required");
    assert!(warnings.is_empty(), "{warnings}");

    assert_eq!(config.engine.concurrency.get(), DEFAULT_CONCURRENCY);
    assert_eq!(config.engine.cache, place.path("state/cache"));
    assert!(config.devices.is_none());
    let settings = &config.rollout.settings;
    assert_eq!(settings.retry.backoff, Duration::from_secs(1));
    assert_eq!(settings.retry.max_backoff, Duration::from_secs(30));
    assert_eq!(settings.timeouts.idle, Duration::from_secs(30));
    assert_eq!(settings.settle.on_uncertain, OnUncertain::DeadLetter);
    assert_eq!(settings.offline, OfflineDevices::Defer);
    assert_eq!(settings.verify, VerifyMode::WhenPossible);
    assert!(!settings.allow_downgrade);

    let [policy] = config.rollout.policies.as_slice() else {
        panic!("one policy: {:?}", config.rollout.policies);
    };
    assert_eq!(policy.value.as_str(), IMMEDIATE_POLICY);
    let plugin = &config.plugins[&policy.value];
    let component = ComponentLocation::Builtin(IMMEDIATE_COMPONENT.to_owned());
    assert_eq!(plugin.component.value, component);
    assert_eq!(plugin.settings.value()["cohorts"][0]["percent"], 100);
}

/// Everything that keeps rollouts from each other's feet, and a fleet from its network's.
#[test]
fn bounds_priorities_and_rollbacks_are_read() {
    let text = issue_with(&[
        (
            "concurrency = 100",
            r#"concurrency = 100
retries_per_minute = 60
bandwidth = "50MiB"
limits = [
  { by = "location", transfers = 2, unavailable = 1, bandwidth = "5MB" },
  { by = "attributes.ring", unavailable = 3 },
]"#,
        ),
        (
            "policies = [",
            "priority = -5\nconcurrency = 9\nconnection = \"known\"\ndynamic = true\npolicies = [",
        ),
        (
            "[rollout]",
            r#"[rollback]
to = "2.2.0"
automatic = false
concurrency = 500
[[rollback.releases]]
version = "2.2.0"
payload = "old.img"
[rollout]"#,
        ),
    ]);
    let place = Place::with("rollout.toml", text);
    let (config, warnings) = place.load().expect("it is right");
    assert!(warnings.is_empty(), "{warnings}");
    let engine = &config.engine;
    assert_eq!(engine.retries_per_minute, NonZeroU32::new(60));
    assert_eq!(engine.bandwidth, NonZeroU64::new(50 << 20));
    let sites = GroupLimit {
        by: GroupField::Location,
        transfers: NonZeroU32::new(2),
        unavailable: NonZeroU32::new(1),
        bandwidth: NonZeroU64::new(5_000_000),
    };
    let rings = GroupLimit {
        by: GroupField::Attribute("ring".into()),
        transfers: None,
        unavailable: NonZeroU32::new(3),
        bandwidth: None,
    };
    assert_eq!(engine.limits, [sites, rings]);
    let settings = &config.rollout.settings;
    assert_eq!(settings.priority, -5);
    assert_eq!(settings.concurrency, NonZeroU32::new(9));
    assert_eq!(settings.connection, Connection::Known);
    assert!(settings.dynamic);
    let rollback = &config.rollback;
    assert_eq!(rollback.to, RollbackTo::Version("2.2.0".into()));
    assert!(!rollback.automatic);
    assert_eq!(rollback.concurrency, NonZeroU32::new(500));
    let [earlier] = rollback.releases.as_slice() else {
        panic!("one release: {:?}", rollback.releases);
    };
    assert_eq!(earlier.name, "pos-app", "that of the release");
    let payload = PayloadLocation::File(place.path("old.img"));
    assert_eq!(earlier.payload.value, payload);
}

#[test]
fn without_bounds_nothing_is_bounded_and_rollbacks_are_automatic() {
    let place = Place::with("rollout.toml", SMALL);
    let (config, _) = place.load().expect("nothing else is required");
    let engine = &config.engine;
    assert_eq!((engine.retries_per_minute, engine.bandwidth), (None, None));
    assert!(engine.limits.is_empty());
    let settings = &config.rollout.settings;
    assert_eq!((settings.priority, settings.concurrency), (0, None));
    assert_eq!(settings.connection, Connection::Assumed);
    assert!(!settings.dynamic);
    assert_eq!(config.rollback.to, RollbackTo::Previous);
    assert!(config.rollback.automatic && config.rollback.releases.is_empty());
}

#[test]
fn every_rollout_draws_a_seed_of_its_own_that_stays() {
    let seed = |text: &str| {
        let place = Place::with("rollout.toml", text);
        place.load().expect("it is right").0.rollout.settings.seed
    };
    assert_eq!(seed(SMALL), seed(SMALL));
    assert_ne!(seed(SMALL), seed(&SMALL.replace("\"small\"", "\"other\"")));
    assert_eq!(seed(&format!("{SMALL}seed = 7")), 7);
}

#[test]
fn what_the_command_line_says_is_stronger_than_the_file() {
    let place = Place::with("rollout.toml", ISSUE);
    let overrides = Overrides {
        state: Some(":memory:".parse().expect("any text will do")),
        concurrency: NonZeroUsize::new(7),
    };
    let path = place.path("rollout.toml");
    let (config, _) = load_config(&path, &overrides, &BUILTINS).expect("it is right");
    assert_eq!(config.engine.state, StateLocation::Memory);
    assert_eq!(config.engine.concurrency.get(), 7);
}

#[test]
fn several_deliveries_are_kept_in_order_with_their_conditions() {
    let list = r#"[{ when = 'device.kind == "gateway"', use = "old-ones" }, { use = "http" }]"#;
    let text = issue_with(&[("delivery = \"http\"", &format!("delivery = {list}"))]);
    let place = Place::with("rollout.toml", text);
    let (config, _) = place.load().expect("it is the issue's example");
    let [gateways, rest] = config.rollout.deliveries.as_slice() else {
        panic!("two deliveries: {:?}", config.rollout.deliveries);
    };
    let when = gateways.when.as_ref().expect("it has a condition");
    assert_eq!(when.text, r#"device.kind == "gateway""#);
    assert!(rest.when.is_none());
}

#[test]
fn a_plugin_that_nothing_refers_to_and_a_url_without_digest_are_worth_a_warning() {
    let text = issue_with(&[
        ("policies = [\"careful\"]\n", ""),
        ("pos-app-2.3.0.img", "https://example.com/pos-app.img"),
    ]);
    let place = Place::with("rollout.toml", text);
    let (_, warnings) = place.load().expect("warnings only");
    insta::assert_snapshot!("warnings", place.stable(warnings));
}

#[test]
fn files_that_are_not_there_are_pointed_out_where_they_are_named() {
    let text = issue_with(&[("\"builtin:delivery-http\"", "\"plugins/acme.wasm\"")]);
    let place = Place::with("rollout.toml", text);
    let (config, _) = place.load().expect("the file alone is right");
    let problems = config.check_files().expect_err("nothing else is there");
    insta::assert_snapshot!("files_not_there", place.stable(problems));
}

use jsonschema::Validator;
use serde_json::Value;
use windlass_cli::config::json_schema;

use super::support::{ISSUE, Place, issue_with};

/// Every key there is.
const EVERYTHING: &str = r#"
[engine]
state = ":memory:"
concurrency = 7
cache = "cache"
retries_per_minute = 600
bandwidth = "50MiB"
limits = [{ by = "attributes.ring", transfers = 1, unavailable = 1, bandwidth = "1MB" }]
[fleet]
devices = "devices.csv"
[release]
name = "pos-app"
version = "2.3.0"
payload = "https://example.com/pos-app.img"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
media_type = "application/gzip"
[plugins.http]
component = "builtin:delivery-http"
settings = { any = [1, 2.5, "three", { four = true }] }
[plugins.cel]
component = "builtin:filter-cel"
[plugins.bold]
component = "policy.wasm"
[plugins.careful]
component = "policy.wasm"
[signals.errors]
prometheus = "https://metrics.example.com"
query = "sum(errors)"
every = "1m"
timeout = "10s"
stale = "5m"
bearer = { env = "METRICS_TOKEN" }

[signals.tills]
url = "https://status.example.com/pos.json"
pointer = "/tills"
headers = { X-Key = { file = "key" } }
bearer = { file = "token" }

[signals.complaints]
file = "complaints.txt"

[signals.orders]
url = "https://status.example.com/orders.json"
headers = { X-Key = { env = "KEY" } }

[rollout]
name = "everything"
delivery = [{ when = "device.kind == 'till'", use = "http" }, { use = "http" }]
filter = { plugin = "cel", expression = "true" }
policies = ["careful"]
shadow = ["bold"]
retry = { attempts = 1, backoff = "1s", max_backoff = "1m30s" }
timeouts = { idle = "500ms", attempt = "1d" }
settle = { grace = "10m", on_uncertain = "push-again" }
offline = "skip"
verify = false
probe_interval = "5s"
allow_downgrade = true
seed = 42
priority = -1
concurrency = 5
connection = "known"
dynamic = true
[retention]
decisions = "30d"
events = "2d"
attempts = "12h"
[rollback]
to = "2.2.0"
automatic = false
concurrency = 500
[[rollback.releases]]
name = "pos-app"
version = "2.2.0"
payload = "old.img"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
media_type = "application/gzip"
"#;

fn validator() -> Validator {
    jsonschema::validator_for(&json_schema()).expect("the schema is one")
}

fn as_json(text: &str) -> Value {
    let table: toml::Table = text.parse().expect("it is TOML");
    serde_json::to_value(table).expect("it has no dates")
}

/// The dotted paths of all keys of a schema.
fn declared(schema: &Value, path: &str, keys: &mut Vec<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (key, schema) in properties {
            let path = format!("{path}.{key}");
            declared(schema, &path, keys);
            keys.push(path);
        }
    }
    let alternatives = schema["anyOf"].as_array().into_iter().flatten();
    for inner in alternatives.chain([&schema["additionalProperties"], &schema["items"]]) {
        if inner.is_object() {
            declared(inner, path, keys);
        }
    }
}

/// The dotted paths of all keys of a document, names of the operator's choice and settings left out.
fn used(value: &Value, path: &str, keys: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let inner = format!("{path}.{key}");
                match (inner.as_str(), value) {
                    (".plugins" | ".signals" | ".signals.headers", Value::Object(named)) => {
                        named.values().for_each(|one| used(one, &inner, keys));
                    }
                    (".plugins.settings", _) => {}
                    _ => used(value, &inner, keys),
                }
                keys.push(inner);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| used(item, path, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_schema_has_the_keys_that_are_accepted_and_no_others() {
    let place = Place::with("rollout.toml", EVERYTHING);
    place.load().expect("every key is accepted");
    let mut accepted = Vec::new();
    used(&as_json(EVERYTHING), "", &mut accepted);
    let mut keys = Vec::new();
    declared(&json_schema(), "", &mut keys);
    for list in [&mut accepted, &mut keys] {
        list.sort_unstable();
        list.dedup();
    }
    assert_eq!(keys, accepted);
}

#[test]
fn the_schema_accepts_what_is_accepted_and_refuses_what_is_refused() {
    let validator = validator();
    for good in [ISSUE, EVERYTHING] {
        let problems: Vec<_> = validator
            .iter_errors(&as_json(good))
            .map(|problem| problem.to_string())
            .collect();
        assert!(problems.is_empty(), "{problems:?}");
    }
    let bad = [
        ("concurrency = 100", "concurrency = 0"),
        ("concurrency", "concurency"),
        ("idle = \"30s\"", "idle = \"30\""),
        ("idle = \"30s\"", "idle = 30"),
        ("name = \"pos-app\"", "name = \"\""),
        ("delivery = \"http\"", "delivery = true"),
        ("delivery = \"http\"\n", ""),
        ("concurrency = 100", "bandwidth = \"50\""),
        ("policies = [\"careful\"]", "priority = 1.5"),
        ("policies = [\"careful\"]", "offline = \"wait\""),
    ];
    for change in bad {
        let text = issue_with(&[change]);
        assert!(!validator.is_valid(&as_json(&text)), "{change:?}");
        let place = Place::with("rollout.toml", text);
        assert!(place.load().is_err(), "{change:?}");
    }
}

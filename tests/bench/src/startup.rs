//! How long `windlass` takes to say something.

use std::fs;

use anyhow::Result;

use crate::{
    process,
    report::{Bound, Rounds, Row},
    settings::Settings,
};

/// Starts of each.
const STARTS: usize = 20;

/// A rollout as people write it.
pub(crate) const CONFIGURATION: &str = r#"[engine]
state = "state.db"

[fleet]
devices = "devices.json"

[release]
name = "app"
version = "2.0.0"
payload = "app.img"

[plugins.http]
component = "builtin:delivery-http"
settings = { allow_plain_http = true }

[plugins.cel]
component = "builtin:filter-cel"

[plugins.careful]
component = "builtin:policy-progressive"

[plugins.careful.settings]
abort = { count = 20 }
cohorts = [
  { name = "canary", percent = 1, success_rate = 0.95, soak = "24h" },
  { name = "early", percent = 10, success_rate = 0.9, soak = "12h" },
  { name = "rest", success_rate = 0.85 },
]

[rollout]
name = "app-2"
delivery = "http"
policies = ["careful"]
filter = { plugin = "cel", expression = "device.version != '2.0.0'" }
"#;

/// Writes the files of a rollout into `folder`.
pub(crate) fn write_configuration(folder: &std::path::Path) -> Result<()> {
    fs::write(folder.join("rollout.toml"), CONFIGURATION)?;
    fs::write(folder.join("app.img"), vec![1; 1 << 20])?;
    let device = serde_json::json!([{
        "id": "device-1", "name": "Device 1", "address": "http://127.1.0.1:80", "version": "1.0.0",
    }]);
    Ok(fs::write(folder.join("devices.json"), device.to_string())?)
}

/// The rows.
pub(crate) fn rows(_: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let folder = tempfile::tempdir()?;
    write_configuration(folder.path())?;
    for (arguments, words, most) in [
        (&["--version"][..], "`windlass --version`", 10.0),
        (
            &["check", "rollout.toml"],
            "`windlass check` with a warm cache, one filter, policy and delivery",
            100.0,
        ),
    ] {
        // Warms every cache.
        process::run_windlass(folder.path(), arguments)?;
        let mut took = Rounds::default();
        for _ in 0..STARTS {
            let (once, _) = process::run_windlass(folder.path(), arguments)?;
            took.push(once.as_secs_f64() * 1000.0);
        }
        print(Row {
            what: words.to_owned(),
            measured: format!("{took} ms"),
            bound: Bound::at_most(took.median(), most, " ms"),
        });
    }
    Ok(())
}

//! Files that are written for one test.

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use windlass_cli::{
    config::{Config, Overrides, load_config},
    devices::{FleetFile, read_devices},
    diagnostic::Diagnostics,
};
use windlass_model::Device;

/// The names after `builtin:`.
pub(crate) const BUILTINS: [&str; 5] = [
    "delivery-http",
    "filter-cel",
    "policy-progressive",
    "policy-rate",
    "policy-window",
];

/// The configuration of the issue, normative in shape.
pub(crate) const ISSUE: &str = r#"[engine]
state = "state/windlass.db"
concurrency = 100

[fleet]
devices = "devices.json"          # JSON array, NDJSON or CSV

[release]
name = "pos-app"
version = "2.3.0"
payload = "pos-app-2.3.0.img"     # path or https:// URL

[plugins.http]
component = "builtin:delivery-http"      # or a path to a component
settings = { allow_plain_http = true }

[plugins.old-ones]
component = "builtin:filter-cel"

[plugins.careful]
component = "builtin:policy-progressive"
settings.cohorts = [
  { name = "canary", percent = 10, success_rate = 0.95 },
  { name = "half",   percent = 50, success_rate = 0.90 },
  { name = "all",    percent = 100 },
]

[rollout]
name = "pos-app-2.3.0"
delivery = "http"
filter = { plugin = "old-ones", expression = 'semver(device.version).isLessThan(semver("2.3.0"))' }
policies = ["careful"]
retry = { attempts = 3, backoff = "1s", max_backoff = "30s" }
timeouts = { idle = "30s", attempt = "1h" }
"#;

/// A directory with one file in it.
pub(crate) struct Place {
    directory: TempDir,
    file: PathBuf,
}

impl Place {
    pub(crate) fn with(name: &str, contents: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the test");
        let file = directory.path().join(name);
        fs::write(&file, contents).expect("the test's own file");
        Self { directory, file }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn load(&self) -> Result<(Config, Diagnostics), Diagnostics> {
        load_config(&self.file, &Overrides::default(), &BUILTINS)
    }

    pub(crate) fn devices(&self) -> Result<(Vec<Device>, FleetFile), Diagnostics> {
        let mut devices = Vec::new();
        let file = read_devices(&self.file, &mut |device| devices.push(device))?;
        Ok((devices, file))
    }

    /// The text without the directory's name, which is another one in every run.
    pub(crate) fn stable(&self, text: impl ToString) -> String {
        let directory = format!("{}/", self.directory.path().display());
        text.to_string().replace(&directory, "")
    }
}

/// The issue's configuration with each first text replaced by the second.
pub(crate) fn issue_with(changes: &[(&str, &str)]) -> String {
    changes
        .iter()
        .fold(ISSUE.to_owned(), |text, (before, after)| {
            assert!(
                text.contains(before),
                "{before} is not in the configuration"
            );
            text.replacen(before, after, 1)
        })
}

/// What is said of a configuration that is refused.
pub(crate) fn config_errors(text: &str) -> String {
    let place = Place::with("rollout.toml", text);
    let problems = place.load().expect_err("the configuration is refused");
    place.stable(problems)
}

/// What is said of a file of devices that is refused.
pub(crate) fn device_errors(name: &str, contents: impl AsRef<[u8]>) -> String {
    let place = Place::with(name, contents);
    let problems = place.devices().expect_err("the file is refused");
    place.stable(problems)
}

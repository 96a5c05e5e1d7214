//! A folder with everything that a rollout needs, and the binary that runs it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256 as Hasher};
use windlass_model::Sha256;
use windlass_sim::{Fleet, FleetSpec};

/// A rollout's folder. Deleted when dropped.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) fleet: Fleet,
    pub(crate) payload: Sha256,
}

/// The parts of a configuration that tests vary.
pub(crate) struct Config<'a> {
    pub(crate) concurrency: usize,
    pub(crate) plugins: &'a str,
    pub(crate) cohorts: &'a str,
    pub(crate) rollout: &'a str,
}

impl Default for Config<'_> {
    fn default() -> Self {
        Self {
            concurrency: 20,
            plugins: "",
            cohorts: r#"[{ name = "all", percent = 100 }]"#,
            rollout: "",
        }
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The last line of `--output json`.
    pub(crate) fn result(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|_| panic!("no result in {self:#?}"))
    }

    /// The events of `--output json`, in order.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("every line is JSON"))
            .collect()
    }
}

impl Bench {
    /// A fleet as described, and a payload of `payload_bytes` pseudo-random bytes.
    pub(crate) fn new(spec: FleetSpec, payload_bytes: usize) -> Self {
        let payload: Vec<u8> = (0..payload_bytes as u64)
            .map(|index| (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
            .collect();
        let digest = Sha256(Hasher::digest(&payload).into());
        let fleet = Fleet::start(FleetSpec {
            expected: Some(digest),
            ..spec
        })
        .expect("the fleet starts");
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::write(folder.path().join("app.img"), payload).expect("the payload can be written");
        fleet
            .export(
                fs::File::create(folder.path().join("devices.json"))
                    .expect("the fleet can be written"),
            )
            .expect("the fleet can be written");
        Self {
            folder,
            fleet,
            payload: digest,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A text with the paths as they look from the bench's folder.
    pub(crate) fn portable(&self, text: &str) -> String {
        text.replace(&self.path("").display().to_string(), "")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the folder can be written");
        path
    }

    /// Writes `windlass.toml`.
    pub(crate) fn configure(&self, config: &Config<'_>) -> PathBuf {
        let Config {
            concurrency,
            plugins,
            cohorts,
            rollout,
        } = config;
        let delivery = if rollout.contains("delivery =") {
            ""
        } else {
            "delivery = \"http\""
        };
        let retry = if rollout.contains("retry =") {
            ""
        } else {
            r#"retry = { attempts = 3, backoff = "20ms", max_backoff = "100ms" }"#
        };
        self.write(
            "windlass.toml",
            &format!(
                r#"
[engine]
state = "state/windlass.db"
cache = "{}"
concurrency = {concurrency}

[fleet]
devices = "devices.json"

[release]
name = "app"
version = "9.0.0"
payload = "app.img"

[plugins.http]
component = "builtin:delivery-http"
settings = {{ allow_plain_http = true }}

[plugins.cel]
component = "builtin:filter-cel"

[plugins.careful]
component = "builtin:policy-progressive"
settings.cohorts = {cohorts}
{plugins}

[rollout]
name = "app-9"
policies = ["careful"]
probe_interval = "100ms"
{delivery}
{retry}
{rollout}
"#,
                shared_cache().display()
            ),
        )
    }

    /// `windlass ARGS…` in the bench's folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
            .env_remove("WINDLASS_STATE")
            .env_remove("WINDLASS_CONCURRENCY")
            .env_remove("WINDLASS_LOG");
        command
    }

    /// `windlass ARGS…`, to its end.
    pub(crate) async fn windlass(&self, args: &[&str]) -> Ended {
        finish(self.command(args)).await
    }

    /// `windlass run windlass.toml --output json`, to its end.
    pub(crate) async fn run(&self) -> Ended {
        self.windlass(&["run", "windlass.toml", "--output", "json"])
            .await
    }

    /// Whether a state file was made.
    pub(crate) fn has_state(&self) -> bool {
        self.path("state").exists()
    }
}

/// Runs a command without blocking the simulated devices.
pub(crate) async fn finish(mut command: Command) -> Ended {
    let output = tokio::task::spawn_blocking(move || command.output().expect("windlass starts"));
    ended(output.await.expect("waiting does not panic"))
}

pub(crate) fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("output is UTF-8"),
    }
}

/// Compiled plugins, shared by all tests: compiling is not what they test.
pub(crate) fn shared_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// The repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository is there")
}

/// Compiles a guest crate that is no member of the workspace, as its author would, and
/// returns the component.
pub(crate) fn build_guest(folder: &Path, name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--release",
            "--locked",
            "--target",
            "wasm32-wasip2",
            "--target-dir",
        ])
        .arg(&target);
    cargo.current_dir(folder);
    for (variable, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("CARGO") || name.starts_with("RUSTC"))
    {
        if variable != "CARGO_HOME" {
            cargo.env_remove(variable);
        }
    }
    let output = cargo.output().expect("cargo starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    target
        .join("wasm32-wasip2/release")
        .join(format!("{}.wasm", name.replace('-', "_")))
}

//! Compiles the built-in plugins to components and puts them where `lib.rs` embeds
//! them.
//!
//! A cargo within a cargo: it has its own target directory, so neither waits for the
//! other's lock, and sees nothing of what the outer one was told about flags and
//! compilers, so that `cargo clippy` or a coverage run embed the same plugins as a
//! release build.
#![expect(
    clippy::print_stderr,
    reason = "a build script speaks to people on stderr"
)]

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "plugin";

/// Directories under `plugins/`; their packages are called `windlass-` and this.
const PLUGINS: [&str; 5] = [
    "delivery-http",
    "filter-cel",
    "policy-progressive",
    "policy-rate",
    "policy-window",
];

/// The variables beginning with `CARGO` that the inner cargo keeps: where it finds
/// crates, how it reaches the network, how many jobs it may run.
const KEPT: [&str; 7] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let root = directory("CARGO_MANIFEST_DIR")?.join("../..");
    let root = fs::canonicalize(&root).map_err(|error| failed("find", &root, &error))?;
    let out = directory("OUT_DIR")?;

    for plugin in PLUGINS {
        rerun_if_changed(&root.join("plugins").join(plugin));
    }
    for path in ["sdk/rust", "wit", "Cargo.toml", "Cargo.lock"] {
        rerun_if_changed(&root.join(path));
    }

    ensure_target()?;
    let guests = shared_target_dir(&out)?;
    compile(&root, &guests)?;
    for plugin in PLUGINS {
        let file = format!("windlass_{}.wasm", plugin.replace('-', "_"));
        let built = guests.join(TARGET).join(PROFILE).join(file);
        let embedded = out.join(plugin).with_extension("wasm");
        fs::copy(&built, &embedded).map_err(|error| failed("copy", &built, &error))?;
    }
    Ok(())
}

/// Beside the profiles of the outer target directory (`OUT_DIR` is
/// `<target>/<profile>/build/<package>/out`), so that debug, release and clippy builds,
/// each with an `OUT_DIR` of its own, compile the plugins once.
fn shared_target_dir(out: &Path) -> Result<PathBuf, String> {
    let target = out.ancestors().nth(4);
    let target = target.ok_or_else(|| format!("OUT_DIR {} is too short", out.display()))?;
    Ok(target.join("plugins"))
}

fn compile(root: &Path, target_dir: &Path) -> Result<(), String> {
    let mut cargo = inner(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", remapped_paths(root))
        .args(["build", "--locked", "--lib", "--profile", PROFILE])
        .args(["--target", TARGET])
        .arg("--target-dir")
        .arg(target_dir);
    for plugin in PLUGINS {
        cargo.args(["-p", &format!("windlass-{plugin}")]);
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("the built-in plugins did not compile; see above".to_owned()),
        Err(error) => Err(format!(
            "cannot run cargo for the built-in plugins: {error}"
        )),
    }
}

/// Takes this machine's paths out of panic messages, so that a component's digest,
/// which rollouts are identified by, does not depend on where it was built.
fn remapped_paths(root: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let mut flags = OsString::new();
    for (from, to) in [(home.as_deref(), "/cargo"), (Some(root), "/windlass")] {
        let Some(from) = from else { continue };
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}

/// Where rustup does not install the target named in `rust-toolchain.toml` by itself,
/// this does.
fn ensure_target() -> Result<(), String> {
    let installed = || {
        let output = inner("rustc".into())
            .args(["--print", "target-libdir", "--target", TARGET])
            .output();
        output.is_ok_and(|output| {
            let directory = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            output.status.success() && Path::new(&directory).is_dir()
        })
    };
    if installed() {
        return Ok(());
    }
    let added = inner("rustup".into())
        .args(["target", "add", TARGET])
        .output();
    if added.is_ok_and(|output| output.status.success()) && installed() {
        return Ok(());
    }
    Err(format!(
        "the built-in plugins need the Rust target {TARGET}, which could not be installed; \
         type: rustup target add {TARGET}"
    ))
}

/// A command that is free of what the outer cargo, clippy or rustdoc set.
fn inner(program: OsString) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let cargos = text.starts_with("CARGO") && !KEPT.iter().any(|kept| text.starts_with(kept));
        let compilers = ["RUSTC", "RUSTDOC", "RUSTFLAGS", "CLIPPY_"];
        if cargos || compilers.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

fn directory(variable: &str) -> Result<PathBuf, String> {
    let value = env::var_os(variable).ok_or_else(|| format!("cargo did not set {variable}"))?;
    Ok(PathBuf::from(value))
}

fn rerun_if_changed(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

fn failed(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

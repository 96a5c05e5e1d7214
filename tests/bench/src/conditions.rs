//! What the figures depend on beside the code.

use std::{fs, process::Command};

/// A line that says where and when.
pub(crate) fn conditions(rounds: usize) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processor = fs::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            Some(
                line.strip_prefix("model name")?
                    .split_once(": ")?
                    .1
                    .to_owned(),
            )
        })
        .unwrap_or_else(|| "a processor".to_owned());
    let build = if cfg!(debug_assertions) {
        "**debug build: only its instructions are of use**"
    } else {
        "release build"
    };
    format!(
        "{cores} cores of {processor}, Linux {}, {}, windlass {} at {}, {build}, {rounds} rounds; \
         load {} when it began",
        kernel.trim(),
        said("rustc", &["--version"]),
        env!("CARGO_PKG_VERSION"),
        said("git", &["describe", "--always", "--dirty", "--abbrev=10"]),
        load(),
    )
}

/// What others did on the machine in the last minute, beside us.
pub(crate) fn load() -> String {
    fs::read_to_string("/proc/loadavg")
        .unwrap_or_default()
        .split(' ')
        .next()
        .unwrap_or("unknown")
        .to_owned()
}

fn said(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(
            || format!("unknown {program}"),
            |text| text.trim().to_owned(),
        )
}

//! What the kernel says of processes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

/// Ticks of `/proc/self/stat`, which are the same on every Linux that is not exotic.
const TICKS_PER_SECOND: u64 = 100;

/// What `file` says of memory in bytes.
fn memory(file: &str, field: &str) -> Result<u64> {
    let status = fs::read_to_string(file)?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .context("the kernel does not say")?;
    let kibibytes = line.trim().trim_end_matches(" kB");
    Ok(kibibytes.parse::<u64>()? * 1024)
}

/// This process's share of memory now, in bytes. Resident memory counts a page as often as it is
/// mapped, and every instance maps the data of its component.
pub(crate) fn share() -> Result<u64> {
    memory("/proc/self/smaps_rollup", "Pss")
}

/// Files that this process may open, at most.
pub(crate) fn most_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// The most resident memory since [`forget_peak`], in bytes.
pub(crate) fn peak() -> Result<u64> {
    memory("/proc/self/status", "VmHWM")
}

/// Lets [`peak`] begin anew.
pub(crate) fn forget_peak() -> Result<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

/// CPU time of this process so far.
pub(crate) fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// CPU time of the children that were waited for.
pub(crate) fn childrens_cpu() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // What follows the name, which may hold blanks, begins with the third field; that of
    // children in user mode and in the kernel are the sixteenth and the seventeenth.
    let (_, rest) = stat.rsplit_once(')').context("it is no stat")?;
    let mut ticks = 0;
    for field in rest.split_whitespace().skip(16 - 3).take(2) {
        ticks += field.parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// What `command` writes, once it has ended. (Not by tokio's own processes: `cargo test` has no
/// use for them, and would share no dependency with this program that is built with another
/// tokio.)
pub(crate) async fn output(mut command: Command) -> Result<Output> {
    Ok(tokio::task::spawn_blocking(move || command.output()).await??)
}

/// The program that users run, built beside this one.
pub(crate) fn windlass() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("windlass");
    ensure!(
        path.is_file(),
        "there is no {}: build it with `cargo build --release -p windlass -p windlass-bench`",
        path.display()
    );
    Ok(path)
}

/// Runs `windlass` in `folder`; how long it took, and what it wrote.
pub(crate) fn run_windlass(folder: &Path, arguments: &[&str]) -> Result<(Duration, String)> {
    let mut command = Command::new(windlass()?);
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null());
    let begun = Instant::now();
    let output = command.output()?;
    let took = begun.elapsed();
    ensure!(
        output.status.success(),
        "windlass {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok((took, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// In MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

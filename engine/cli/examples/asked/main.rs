//! Writes a state file with a rollout over a million devices in the middle of its course, and
//! says how long `windlass why` takes for a device of each kind (issue 4: at most 50 ms):
//!
//! ```text
//! cargo build --release
//! cargo run --release --example asked -- /tmp/asked/state.db 1000000
//! ```
//!
//! The file is left there, for other commands to be timed; a file that is there already is asked
//! about as it is.
#![expect(clippy::print_stdout, reason = "its numbers are what it is for")]

mod fleet;
#[path = "../plan/mod.rs"]
mod plan;
mod state;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result};
use windlass_store::{Location, Store};

/// How often each question is asked.
const RUNS: usize = 20;

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1);
    let (Some(file), Some(count)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("say where to write, and how many devices");
    };
    let file = PathBuf::from(file);
    let count: u32 = count.to_str().context("not a number")?.parse()?;
    let is_new = !file.exists();
    // Held while it is asked about, as an engine would.
    let mut store = Store::open(&Location::File(file.clone()))?;
    if is_new {
        state::write(&mut store, count)?;
    }
    // `why` takes compiled components from here, as it does beside an engine.
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder.join("cache/plugins"))?;
    }
    let now = state::HALF_WAY.0.to_string();
    for (what, device) in state::asked(&store)? {
        ask(&file, &what, &[&device])?;
        if what == "pending" {
            let at = format!("{}", jiff::Timestamp::from_millisecond(now.parse()?)?);
            ask(&file, "pending, --at an hour ago", &[&device, "--at", &at])?;
        }
    }
    Ok(())
}

/// Asks often, and says how long the whole command took.
fn ask(state: &Path, what: &str, arguments: &[&str]) -> Result<()> {
    let program = env::current_exe()?;
    let folder = program.parent().and_then(Path::parent);
    let windlass = folder.context("it is in a target folder")?.join("windlass");
    let why = || -> Result<String> {
        let mut command = Command::new(&windlass);
        command.arg("why").args(arguments).arg("--state").arg(state);
        let output = command.output()?;
        anyhow::ensure!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stdout)?)
    };
    let told = why()?;
    let mut took = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        why()?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    println!(
        "{:6.1} ms, at worst {:6.1} ms: {what}",
        took[RUNS / 2],
        took[RUNS - 1]
    );
    print!("{told}");
    Ok(())
}

//! A hundred pushes at once and nothing else, in a process of their own: for a profiler to look at.
//!
//! ```text
//! perf record -g target/release/windlass-bench part busy push 100000 one 1024 /tmp/cache
//! ```

use std::path::Path;

use anyhow::{Result, bail};

use crate::{
    devices::{Addressing, Devices},
    engine::{Course, Fleet},
    load::Payload,
    push::{
        AT_ONCE, Work, native,
        sandbox::{Instances, Sandbox},
    },
};

/// Pushes so many `bytes` to so many devices, by `way`; microseconds of CPU time that each took, of
/// sender and devices together.
pub(crate) async fn part(
    way: &str,
    pushes: u64,
    address: &str,
    bytes: usize,
    cache: &Path,
) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut devices = Devices::start().await?;
    let payload = Payload::make(folder.path(), bytes)?;
    let work = Work {
        pushes,
        at_once: AT_ONCE,
        addressing: match address {
            "one" => Addressing::One,
            "each" => Addressing::Each,
            other => bail!("devices are at `one` address or at `each` its own, not {other}"),
        },
        port: devices.port,
        payload: &payload,
    };
    let cost = match way {
        "plain" => devices.cost(native::push(&work)).await?,
        "push" => {
            let sandbox = Sandbox::start(Instances::Reused, AT_ONCE, Some(cache)).await?;
            devices.cost(sandbox.plan(&work).make()).await?
        }
        "rollout" => {
            let course = Course {
                cache: Some(cache),
                ..Course::GATED
            };
            let fleet = Fleet::prepare(&folder.path().join("state.db"), &work, course).await?;
            devices.cost(fleet.roll_out()).await?
        }
        other => bail!("there is no way {other}: plain, push, rollout"),
    };
    Ok(cost.cpu.as_secs_f64() * 1e6 / pushes as f64)
}

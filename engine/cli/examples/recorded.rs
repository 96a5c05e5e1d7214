//! Writes a state file with so many recorded decisions of a progressive policy, to measure how
//! fast they are replayed (issue 4: at least 100,000 a second):
//!
//! ```text
//! cargo run --release --example recorded -- /tmp/recorded.db 1000000
//! time target/release/windlass replay --state /tmp/recorded.db
//! ```

mod plan;
#[path = "../../../tests/bench/src/decide/recorded.rs"]
mod recorded;
#[path = "../../../tests/bench/src/decide/view.rs"]
mod view;

use std::{env, num::NonZeroUsize, path::PathBuf};

use anyhow::{Context as _, Result};
use windlass_host::{Host, HostConfig, Limits};
use windlass_store::{Location, Store};

use view::START;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1);
    let (Some(file), Some(count)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("say where to write, and how many");
    };
    let count: u64 = count.to_str().context("not a number")?.parse()?;
    let mut store = Store::open(&Location::File(PathBuf::from(file)))?;
    let host = Host::start(HostConfig {
        concurrency: NonZeroUsize::MIN,
        cache_dir: None,
        limits: Limits::default(),
    })?;
    let release = store.put_release(&plan::release(), START)?;
    let plan = plan::plan(release);
    let rollout = store.create_rollout(&plan, &mut std::iter::empty(), START)?;
    let opened = recorded::opened(&host).await?;
    recorded::write(store, rollout, &opened, count).await
}

//! Writes a state file with so many recorded decisions of a progressive policy, to measure how
//! fast they are replayed (issue 4: at least 100,000 a second):
//!
//! ```text
//! cargo run --release --example recorded -- /tmp/recorded.db 1000000
//! time target/release/windlass replay --state /tmp/recorded.db
//! ```

mod plan;
#[path = "../../../tests/bench/src/decide/view.rs"]
mod view;

use std::{env, num::NonZeroUsize, path::PathBuf};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use sha2::Digest as _;
use windlass_host::{Host, HostConfig, Limits};
use windlass_model::{Change, ChangeSet, DecisionAnswer, DecisionRecord, PluginName, Sha256};
use windlass_store::{Location, Store};

use view::START;

/// Decisions of one commit.
const COMMIT: u64 = 10_000;

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
    let component = windlass_builtin::builtin("policy-progressive").context("it is built in")?;
    let name = PluginName::new("careful");
    let plugin = host
        .load(name.clone(), Bytes::from_static(component))
        .await?;
    let settings = view::settings();
    let policy = plugin.policy(&settings).await?;
    let settings = settings.to_string();
    let digest = Sha256(sha2::Sha256::digest(&settings).into());
    store.put_component(&plugin.digest(), component)?;
    store.put_settings(&digest, &settings)?;
    let release = store.put_release(&plan::release(), START)?;
    let plan = plan::plan(release);
    let rollout = store.create_rollout(&plan, &mut std::iter::empty(), START)?;

    let mut memo = Vec::new();
    let mut changes = ChangeSet::new(rollout);
    for decided in 0..count {
        let view = view::view(decided, count);
        let decision = policy.decide(&view, &memo).await?;
        let next = decision.memo.clone();
        changes
            .changes
            .push(Change::Decision(Box::new(DecisionRecord {
                policy: name.clone(),
                component: plugin.digest(),
                settings: digest,
                at: view.now,
                view,
                memo_before: std::mem::replace(&mut memo, next),
                answer: DecisionAnswer::Decided(decision),
            })));
        if (decided + 1) % COMMIT == 0 || decided + 1 == count {
            for committed in store.commit(&[&changes]) {
                committed?;
            }
            changes.changes.clear();
        }
    }
    Ok(())
}

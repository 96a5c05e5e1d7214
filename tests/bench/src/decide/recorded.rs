//! A state file with recorded decisions.

use std::{mem, sync::Arc};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use sha2::Digest as _;
use windlass_host::{Host, Plugin, Policy};
use windlass_model::{
    Change, ChangeSet, DecisionAnswer, DecisionRecord, PluginName, RolloutKey, Sha256,
};
use windlass_store::{Store, StoreThread};

use super::view;

/// Decisions of one commit.
const COMMIT: u64 = 10_000;

/// `policy-progressive`, opened to decide on these views.
pub(crate) async fn opened(host: &Host) -> Result<(Plugin, Policy)> {
    let plugin = host
        .load(PluginName::new("careful"), Bytes::from_static(component()?))
        .await?;
    let policy = plugin.policy(&view::settings()).await?;
    Ok((plugin, policy))
}

/// Lets `policy` take `count` decisions, and writes them as those of `rollout`: a commit's while
/// the next one's are taken.
pub(crate) async fn write(
    mut store: Store,
    rollout: RolloutKey,
    (plugin, policy): &(Plugin, Policy),
    count: u64,
) -> Result<()> {
    let settings = view::settings().to_string();
    let digest = Sha256(sha2::Sha256::digest(&settings).into());
    store.put_component(&plugin.digest(), component()?)?;
    store.put_settings(&digest, &settings)?;
    let thread = StoreThread::start(store)?;
    let mut committing = None;
    let mut memo = Vec::new();
    let mut changes = ChangeSet::new(rollout);
    for decided in 0..count {
        let view = view::view(decided, count);
        let decision = policy.decide(&view, &memo).await?;
        let next = decision.memo.clone();
        let record = DecisionRecord {
            policy: plugin.name().clone(),
            component: plugin.digest(),
            settings: digest,
            at: view.now,
            view,
            memo_before: mem::replace(&mut memo, next),
            answer: DecisionAnswer::Decided(decision),
        };
        changes.changes.push(Change::Decision(Box::new(record)));
        if (decided + 1) % COMMIT == 0 || decided + 1 == count {
            let set = Arc::new(mem::replace(&mut changes, ChangeSet::new(rollout)));
            let handle = thread.handle();
            let next = tokio::spawn(async move { handle.commit(set).await });
            if let Some(before) = committing.replace(next) {
                before.await??;
            }
        }
    }
    if let Some(last) = committing {
        last.await??;
    }
    thread.shutdown().await?;
    Ok(())
}

fn component() -> Result<&'static [u8]> {
    windlass_builtin::builtin("policy-progressive").context("it is built in")
}

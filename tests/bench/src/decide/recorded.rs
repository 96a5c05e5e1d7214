//! A state file with recorded decisions.

use std::{mem, path::Path};

use anyhow::{Context as _, Result};
use sha2::Digest as _;
use windlass_host::{Plugin, Policy};
use windlass_model::{
    Change, ChangeSet, DecisionAnswer, DecisionRecord, Release, RolloutName, RolloutPlan, Sha256,
};
use windlass_store::{Location, Store};

use super::view::{self, START, settings};
use crate::engine::rules;

/// Decisions of one commit.
const COMMIT: u64 = 10_000;

/// Lets `policy` take `count` decisions, and writes them to `file`.
pub(crate) async fn write(file: &Path, plugin: &Plugin, policy: &Policy, count: u64) -> Result<()> {
    let mut store = Store::open(&Location::File(file.to_owned()))?;
    let component = windlass_builtin::builtin("policy-progressive").context("it is built in")?;
    let settings = settings().to_string();
    let digest = Sha256(sha2::Sha256::digest(&settings).into());
    store.put_component(&plugin.digest(), component)?;
    store.put_settings(&digest, &settings)?;
    let release = Release {
        name: "app".to_owned(),
        version: "1.0.0".to_owned(),
        size: 1,
        sha256: Sha256([0; 32]),
        media_type: "application/octet-stream".to_owned(),
    };
    let plan = RolloutPlan {
        name: RolloutName::new("recorded"),
        release: store.put_release(&release, START)?,
        settings: rules(),
        cohorts: Vec::new(),
        filter_expression: None,
        filter: None,
        policies: Vec::new(),
        deliveries: Vec::new(),
        unselected: 0,
        fleet: None,
        takes_back: None,
    };
    let rollout = store.create_rollout(&plan, &mut std::iter::empty(), START)?;
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
            for committed in store.commit(&[&changes]) {
                committed?;
            }
            changes.changes.clear();
        }
    }
    Ok(())
}

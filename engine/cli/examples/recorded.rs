//! Writes a state file with so many recorded decisions of a progressive policy, to measure how
//! fast they are replayed (issue 4: at least 100,000 a second):
//!
//! ```text
//! cargo run --release --example recorded -- /tmp/recorded.db 1000000
//! time target/release/windlass replay --state /tmp/recorded.db
//! ```

mod plan;

use std::{collections::BTreeMap, env, num::NonZeroUsize, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use serde_json::json;
use sha2::Digest as _;
use windlass_host::{Host, HostConfig, Limits};
use windlass_model::{
    Change, ChangeSet, CohortView, DecisionAnswer, DecisionRecord, FailureKind, PluginName, Sha256,
    StateCounts, StateKind, Timestamp, View,
};
use windlass_store::{Location, Store};

/// Decisions of one commit.
const COMMIT: u64 = 10_000;
/// Devices in each of the three cohorts.
const SIZE: u64 = 1_000_000;
const START: Timestamp = Timestamp(1_700_000_000_000);

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
    let settings = json!({
        "cohorts": [
            { "name": "canary", "percent": 33, "success_rate": 0.9, "soak": "1h" },
            { "name": "early", "percent": 66, "success_rate": 0.9 },
            { "name": "rest" },
        ],
        "abort": { "rate": 0.2 },
    });
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
        let view = view(decided, count);
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

/// The course of a rollout that ends with the last decision.
fn view(decided: u64, count: u64) -> View {
    let all = 3 * SIZE * decided / count.max(1);
    let cohort = |index: u64| {
        let ended = all.saturating_sub(index * SIZE).min(SIZE);
        let failed = ended / 50;
        let at_work = (SIZE - ended).min(if ended > 0 { 500 } else { 0 });
        let mut states = StateCounts::default();
        *states.get_mut(StateKind::Pending) = SIZE - ended - at_work;
        *states.get_mut(StateKind::Transferring) = at_work;
        *states.get_mut(StateKind::Succeeded) = ended - failed;
        *states.get_mut(StateKind::DeadLettered) = failed;
        let failures = BTreeMap::from([
            (FailureKind::DeviceError, failed / 2),
            (FailureKind::Unreachable, failed - failed / 2),
        ]);
        CohortView {
            name: format!("cohort-{index}"),
            size: SIZE,
            states,
            started: ended + at_work,
            in_progress: at_work,
            ended,
            first_failures: failures.clone(),
            failures,
            first_started: (ended > 0).then_some(START),
            last_ended: (ended > 0).then_some(START.plus(Duration::from_secs(decided))),
            recheck: None,
        }
    };
    View {
        now: START.plus(Duration::from_secs(decided)),
        started_at: START,
        paused_for: Duration::ZERO,
        cohorts: (0..3).map(cohort).collect(),
        starts_last_minute: 40,
        approvals: Vec::new(),
        advances: Vec::new(),
        signals: Vec::new(),
    }
}

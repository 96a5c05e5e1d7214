//! What a decision of a built-in policy costs, by the number of cohorts, asked one after the
//! other of an instance that is kept (design §4; issue 4: at most 50 µs):
//!
//! ```text
//! cargo run --release -p windlass-host --example decide_cost
//! ```
#![expect(clippy::print_stdout, reason = "its numbers are what it is for")]

use std::{
    collections::BTreeMap,
    error::Error,
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::{Value, json};
use windlass_host::{Host, HostConfig, Limits, Policy};
use windlass_model::{
    CohortView, FailureKind, PluginName, StateCounts, StateKind, Timestamp, View,
};

const DECISIONS: u32 = 5_000;
const RUNS: u32 = 5;
const COHORTS: [u64; 2] = [3, 20];
/// Devices in each cohort.
const SIZE: u64 = 1_000;
const START: Timestamp = Timestamp(1_700_000_000_000);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = Host::start(HostConfig {
        concurrency: NonZeroUsize::MIN,
        cache_dir: None,
        limits: Limits::default(),
    })?;
    for name in ["policy-progressive", "policy-rate", "policy-window"] {
        let component = windlass_builtin::builtin(name).ok_or("it is built in")?;
        let plugin = host
            .load(PluginName::new(name), Bytes::from_static(component))
            .await?;
        for cohorts in COHORTS {
            let policy = plugin.policy(&settings(name, cohorts)).await?;
            let cost = cost(&policy, &view(cohorts)).await?;
            println!("{cost:6.2} µs a decision   {name}, {cohorts} cohorts");
        }
    }
    Ok(())
}

/// Microseconds a decision, best of some runs.
async fn cost(policy: &Policy, view: &View) -> Result<f64, Box<dyn Error>> {
    let mut memo = policy.decide(view, &[]).await?.memo;
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let begun = Instant::now();
        for _ in 0..DECISIONS {
            memo = policy.decide(view, &memo).await?.memo;
        }
        best = best.min(begun.elapsed().as_secs_f64());
    }
    Ok(best * 1e6 / f64::from(DECISIONS))
}

/// With everything that costs time at each decision.
fn settings(name: &str, cohorts: u64) -> Value {
    match name {
        "policy-progressive" => {
            let cohort = |index: u64| {
                let mut cohort = json!({
                    "name": format!("cohort-{index}"), "percent": (index + 1) * 100 / cohorts,
                    "success_rate": 0.9, "quorum": 0.95,
                });
                // Nothing comes after the last that could wait.
                if index + 1 < cohorts {
                    cohort["soak"] = json!("1h");
                }
                cohort
            };
            json!({
                "cohorts": (0..cohorts).map(cohort).collect::<Vec<_>>(),
                "abort": { "rate": 0.2 },
            })
        }
        "policy-rate" => json!({
            "base_rate_per_minute": 50, "increment_factor": 1.5, "maximum_per_minute": 1000,
            "rate_increase": { "succeeded": 100 },
            "abort": [{ "failure": "all", "threshold_percent": 20, "min_executed": 100 }],
        }),
        _ => json!({
            "zone": "Europe/Berlin",
            "windows": [{ "cron": "0 2 * * *", "duration": "2h" }, { "from": "22:00", "to": "23:00" }],
            "freezes": [{ "from": "2023-12-18", "to": "2024-01-04" }],
        }),
    }
}

/// In the middle: earlier cohorts have ended, one is at work, the others wait.
fn view(cohorts: u64) -> View {
    let cohort = |index| {
        let (ended, failed, at_work) = match index {
            done if done < cohorts / 2 => (SIZE, SIZE / 20, 0),
            half if half == cohorts / 2 => (SIZE / 2, SIZE / 40, SIZE / 10),
            _ => (0, 0, 0),
        };
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
            last_ended: (ended > 0).then_some(START.plus(Duration::from_secs(3_000))),
            recheck: None,
        }
    };
    View {
        now: START.plus(Duration::from_secs(3_600)),
        started_at: START,
        paused_for: Duration::ZERO,
        cohorts: (0..cohorts).map(cohort).collect(),
        starts_last_minute: 40,
        approvals: Vec::new(),
        advances: Vec::new(),
        signals: Vec::new(),
    }
}

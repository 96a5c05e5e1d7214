use anyhow::Context as _;
use serde_json::{Map, json};
use windlass_model::{RolloutSnapshot, RolloutState, StateCounts, StateKind};
use windlass_store::Store;

use super::{Failure, events::rollout_named};
use crate::{
    args::{Output, StatusArgs},
    console,
    exit::Exit,
    render::{percent, time},
    setup,
};

/// Devices that are not done, listed for one rollout.
const LISTED_MAX: usize = 200;

pub(super) fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    let store = Store::open_read_only(&setup::state_file(&args.state)?)
        .map_err(|error| setup::open_diagnostic(&error))?;
    let keys = match &args.rollout {
        Some(name) => vec![rollout_named(&store, name)?],
        None => {
            let rollouts = store.rollouts().context("the rollouts could not be read")?;
            rollouts.into_iter().map(|rollout| rollout.key).collect()
        }
    };
    if keys.is_empty() && args.output == Output::Human {
        console::line("no rollout yet");
    }
    for key in keys {
        let snapshot = store
            .snapshot(key)
            .context("the rollout could not be read")?;
        match args.output {
            Output::Human => {
                console::text(&text(&snapshot));
                if args.rollout.is_some() {
                    list_unfinished(&store, &snapshot)?;
                }
            }
            Output::Json => console::line(&as_json(&snapshot).to_string()),
        }
    }
    Ok(Exit::Success)
}

fn list_unfinished(store: &Store, snapshot: &RolloutSnapshot) -> Result<(), Failure> {
    let mut after = None;
    let mut listed = 0;
    loop {
        let page = store
            .assignments(snapshot.rollout.key, after, 1024)
            .context("the devices could not be read")?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.id);
        for row in &page {
            let kind = row.state.kind();
            if matches!(
                kind,
                StateKind::Succeeded | StateKind::Skipped | StateKind::Pending
            ) {
                continue;
            }
            if listed == LISTED_MAX {
                console::line("  …");
                return Ok(());
            }
            listed += 1;
            let failure = row.last_failure.map_or(String::new(), |(kind, at)| {
                format!(", last {} at {}", kind.as_str(), time(at))
            });
            console::line(&format!(
                "  {:<24} {}{failure}",
                row.device_id.as_str(),
                kind.as_str()
            ));
        }
    }
}

fn text(snapshot: &RolloutSnapshot) -> String {
    let rollout = &snapshot.rollout;
    let started = rollout
        .started_at
        .map_or("not started".into(), |at| format!("started {}", time(at)));
    let mut text = format!(
        "{}: {}, {started}\n",
        rollout.plan.name,
        word(rollout.state)
    );
    for cohort in &snapshot.cohorts {
        text.push_str(&format!(
            "  {:<14} {:>3}% of {:<8} {}\n",
            cohort.name,
            percent(cohort.ended, cohort.size),
            cohort.size,
            states(&cohort.states),
        ));
    }
    text
}

fn states(counts: &StateCounts) -> String {
    let some = StateKind::ALL
        .into_iter()
        .filter(|kind| counts.get(*kind) > 0);
    some.map(|kind| format!("{} {}", counts.get(kind), kind.as_str()))
        .collect::<Vec<_>>()
        .join(", ")
}

fn as_json(snapshot: &RolloutSnapshot) -> serde_json::Value {
    let rollout = &snapshot.rollout;
    let cohorts: Vec<_> = snapshot
        .cohorts
        .iter()
        .map(|cohort| {
            let states: Map<_, _> = StateKind::ALL
                .into_iter()
                .map(|kind| (kind.as_str().replace('-', "_"), json!(cohort.states.get(kind))))
                .collect();
            json!({ "name": cohort.name, "size": cohort.size, "ended": cohort.ended, "states": states })
        })
        .collect();
    json!({
        "rollout": rollout.plan.name,
        "state": word(rollout.state),
        "started_at": rollout.started_at.map(time),
        "ended_at": rollout.ended_at.map(time),
        "cohorts": cohorts,
    })
}

fn word(state: RolloutState) -> &'static str {
    match state {
        RolloutState::Draft => "draft",
        RolloutState::Running => "running",
        RolloutState::Holding => "holding",
        RolloutState::Paused => "paused",
        RolloutState::Aborting => "aborting",
        RolloutState::Aborted => "aborted",
        RolloutState::Completed => "completed",
    }
}

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use serde_json::{Map, json};
use windlass_model::{RolloutSnapshot, RolloutState, StateCounts, StateKind};
use windlass_store::Store;

use super::Failure;
use crate::{
    args::{Output, StatusArgs},
    console,
    exit::Exit,
    owner::{rollout_named, waiting_gates},
    render::{percent, recheck_json, recheck_under_way, state_word, time},
    setup,
};

/// Devices that are not done, listed for one rollout.
const LISTED_MAX: usize = 200;

/// How often a state file that another process writes is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    let store = Store::open_read_only(&setup::state_file(&args.state)?)
        .map_err(|error| setup::open_diagnostic(&error))?;
    if !args.watch {
        for snapshot in snapshots(&store, args)? {
            match args.output {
                Output::Human => console::show(&in_full(&store, &snapshot, args)?)?,
                Output::Json => console::show_line(&as_json(&snapshot).to_string())?,
            }
        }
        return Ok(Exit::Success);
    }
    let live = args.output == Output::Human && console::is_live();
    let mut seen = BTreeMap::new();
    let mut drawn = String::new();
    loop {
        let snapshots = snapshots(&store, args)?;
        if live {
            drawn = redraw(&store, &snapshots, args, &drawn)?;
        } else {
            for snapshot in &snapshots {
                let line = as_json(snapshot).to_string();
                let key = snapshot.rollout.key;
                if seen.get(&key) != Some(&line) {
                    console::show_line(&line)?;
                    seen.insert(key, line);
                }
            }
        }
        if snapshots.iter().all(has_ended) {
            return Ok(Exit::Success);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Puts the present state in the place of what was drawn before.
fn redraw(
    store: &Store,
    snapshots: &[RolloutSnapshot],
    args: &StatusArgs,
    drawn: &str,
) -> Result<String, Failure> {
    let mut text = String::new();
    for snapshot in snapshots {
        text.push_str(&in_full(store, snapshot, args)?);
    }
    if text != drawn {
        let up = drawn.lines().count();
        let back = match up {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\x1b[J"),
        };
        console::show(&format!("{back}{text}"))?;
    }
    Ok(text)
}

fn snapshots(store: &Store, args: &StatusArgs) -> Result<Vec<RolloutSnapshot>, Failure> {
    let keys = match &args.rollout {
        Some(name) => vec![rollout_named(store, name)?.key],
        None => {
            let rollouts = store.rollouts().context("the rollouts could not be read")?;
            rollouts.into_iter().map(|rollout| rollout.key).collect()
        }
    };
    if keys.is_empty() && args.output == Output::Human {
        console::show_line("no rollout yet")?;
    }
    let snapshots = keys.into_iter().map(|key| store.snapshot(key));
    Ok(snapshots
        .collect::<Result<_, _>>()
        .context("the rollouts could not be read")?)
}

fn has_ended(snapshot: &RolloutSnapshot) -> bool {
    matches!(
        snapshot.rollout.state,
        RolloutState::Aborted | RolloutState::Completed
    )
}

fn in_full(
    store: &Store,
    snapshot: &RolloutSnapshot,
    args: &StatusArgs,
) -> Result<String, Failure> {
    let mut text = text(snapshot);
    if args.rollout.is_some() {
        list_unfinished(store, snapshot, &mut text)?;
    }
    Ok(text)
}

fn list_unfinished(
    store: &Store,
    snapshot: &RolloutSnapshot,
    text: &mut String,
) -> Result<(), Failure> {
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
                text.push_str("  …\n");
                return Ok(());
            }
            listed += 1;
            let failure = row.last_failure.map_or(String::new(), |(kind, at)| {
                format!(", last {} at {}", kind.as_str(), time(at))
            });
            text.push_str(&format!(
                "  {:<24} {}{failure}\n",
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
        state_word(rollout.state)
    );
    for cohort in &snapshot.cohorts {
        text.push_str(&format!(
            "  {:<14} {:>3}% of {:<8} {}\n",
            cohort.name,
            percent(cohort.ended, cohort.size),
            cohort.size,
            states(&cohort.states),
        ));
        if let Some(round) = recheck_under_way(cohort) {
            text.push_str(&format!("    {round}\n"));
        }
    }
    for gate in waiting_gates(snapshot) {
        text.push_str(&format!(
            "  waits for an approval: windlass approve {gate}\n"
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
                .map(|kind| {
                    (
                        kind.as_str().replace('-', "_"),
                        json!(cohort.states.get(kind)),
                    )
                })
                .collect();
            json!({
                "name": cohort.name,
                "size": cohort.size,
                "ended": cohort.ended,
                "states": states,
                "recheck": cohort.recheck.as_ref().map(recheck_json),
            })
        })
        .collect();
    json!({
        "rollout": rollout.plan.name,
        "state": state_word(rollout.state),
        "started_at": rollout.started_at.map(time),
        "ended_at": rollout.ended_at.map(time),
        "waits_for_approvals": waiting_gates(snapshot),
        "cohorts": cohorts,
    })
}

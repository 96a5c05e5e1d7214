use anyhow::Context as _;
use windlass_model::{Assignment, Sequence, StoredRollout, Timestamp};
use windlass_runtime::clock::{Clock as _, SystemClock};
use windlass_store::Store;

use super::Failure;
use crate::{
    args::{Output, WhyArgs},
    console,
    diagnostic::Diagnostic,
    exit::Exit,
    owner::{device_named, rollout_named},
    render::{time, why_json, why_text},
    setup,
    why::{Answer, Filters, Scene, explain},
};

pub(super) async fn why(args: &WhyArgs) -> Result<Exit, Failure> {
    let subject = setup::subject(&(&args.state).into())?;
    let store =
        Store::open_read_only(&subject.file).map_err(|error| setup::open_diagnostic(&error))?;
    let device = device_named(&store, &args.device)?;
    let only = match &args.rollout {
        Some(name) => Some(rollout_named(&store, name.as_str())?.key),
        None => None,
    };
    let now = SystemClock::new().now().wall;
    let at = args.at.map(|past| past.before(now));
    if let Some(at) = at {
        refuse_impossible(&store, at, now)?;
    }
    let mut scene = Scene::new(&store, device, at.unwrap_or(now), at.is_some())?;
    let config = args.state.config.as_ref();
    scene.config = subject
        .rollout
        .zip(config.map(|file| file.display().to_string()));
    let rows = store
        .assignments_of_device(scene.device.key)
        .context("the rollouts could not be read")?;
    let mut answers = Vec::new();
    let mut filters = Filters::new(&store, subject.plugin_cache);
    for rollout in scene.rollouts() {
        if only.is_none_or(|key| key == rollout.key) {
            let row = rows.iter().find(|row| is_of(row, rollout));
            answers.push(match row {
                Some(row) => explain(&scene.facts(rollout, row)?)?,
                None => filters.explain(&scene, rollout).await?,
            });
        }
    }
    // Those that can still go on first; among equals the newest, as they come.
    answers.sort_by_key(|answer: &Answer| match answer.state {
        Some(state) if !state.is_ended() => 0,
        Some(_) => 1,
        None => 2,
    });
    let device = &scene.device.device.id;
    if answers.is_empty() && args.output == Output::Human {
        console::show_line(&format!("{device}: no rollout had begun"))?;
    }
    for answer in &answers {
        match args.output {
            Output::Human => console::show(&why_text(device, answer))?,
            Output::Json => console::show_line(&why_json(device, answer).to_string())?,
        }
    }
    Ok(Exit::Success)
}

/// A rollout's key is the upper half of the ids of its assignments.
fn is_of(row: &Assignment, rollout: &StoredRollout) -> bool {
    row.id.0 >> 32 == rollout.key.0
}

/// The log tells of no instant before its first event, and of none that is to come.
fn refuse_impossible(store: &Store, at: Timestamp, now: Timestamp) -> Result<(), Failure> {
    if at > now {
        return Err(Diagnostic::error(format!("{} is still to come", time(at)))
            .help("the log tells what was: name an instant that is over")
            .into());
    }
    let first = store
        .events(Sequence(0), 1, None)
        .context("the events could not be read")?;
    match first.first() {
        Some(first) if first.event.at <= at => Ok(()),
        Some(first) => Err(Diagnostic::error(format!(
            "the log of this state file does not reach back to {}",
            time(at)
        ))
        .help(format!("it begins at {}", time(first.event.at)))
        .into()),
        None => Err(Diagnostic::error("the log of this state file is empty").into()),
    }
}

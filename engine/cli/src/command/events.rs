use std::time::Duration;

use anyhow::Context as _;
use windlass_model::Sequence;
use windlass_store::Store;

use super::Failure;
use crate::{
    args::{EventsArgs, Output},
    console,
    exit::Exit,
    owner::rollout_named,
    render::{Names, event_json, event_text, time},
    setup,
};

/// Events read at once.
const PAGE: usize = 4096;
/// How often a file that another process writes is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn events(args: &EventsArgs) -> Result<Exit, Failure> {
    let store = Store::open_read_only(&setup::state_file(&args.state)?)
        .map_err(|error| setup::open_diagnostic(&error))?;
    let rollout = match &args.rollout {
        Some(name) => Some(rollout_named(&store, name)?.key),
        None => None,
    };
    let mut after = Sequence(args.after);
    let mut names = Names::new();
    loop {
        let page = store
            .events(after, PAGE, rollout)
            .context("the events could not be read")?;
        if page.iter().any(|logged| {
            logged
                .event
                .rollout
                .is_some_and(|key| !names.contains_key(&key))
        }) {
            let rollouts = store.rollouts().context("the rollouts could not be read")?;
            names = rollouts
                .into_iter()
                .map(|rollout| (rollout.key, rollout.plan.name))
                .collect();
        }
        for logged in &page {
            after = logged.seq;
            match args.output {
                Output::Human => {
                    let (seq, at) = (logged.seq.0, time(logged.event.at));
                    console::show_line(&format!(
                        "{seq:>7} {at} {}",
                        event_text(&logged.event.kind)
                    ))?;
                }
                Output::Json => console::show_line(&event_json(logged, &names))?,
            }
        }
        if page.len() < PAGE {
            if !args.follow {
                return Ok(Exit::Success);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

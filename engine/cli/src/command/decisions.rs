use std::time::Duration;

use anyhow::Context as _;
use windlass_store::Store;

use super::Failure;
use crate::{
    args::{DecisionsArgs, Output},
    console,
    exit::Exit,
    owner::rollout_meant,
    render::{decision_json, decision_text},
    setup,
};

/// Decisions read at once: each holds all counts of all cohorts.
const PAGE: usize = 256;
/// How often a file that another process writes is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn decisions(args: &DecisionsArgs) -> Result<Exit, Failure> {
    let subject = setup::subject(&(&args.state).into())?;
    let store =
        Store::open_read_only(&subject.file).map_err(|error| setup::open_diagnostic(&error))?;
    let named = args.rollout.as_ref().or(subject.rollout.as_ref());
    let rollout = rollout_meant(&store, named)?;
    let mut after = match args.limit {
        Some(newest) => store
            .decision_before(rollout.key, newest, args.shadow)
            .context("the decisions could not be read")?,
        None => 0,
    };
    loop {
        let page = store
            .decisions(rollout.key, after, PAGE)
            .context("the decisions could not be read")?;
        for stored in &page {
            after = stored.id;
            if args.shadow && stored.shadow.is_none() {
                continue;
            }
            match args.output {
                Output::Human => console::show(&decision_text(stored))?,
                Output::Json => console::show_line(&decision_json(stored, &rollout.plan.name))?,
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

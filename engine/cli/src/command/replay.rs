use anyhow::Context as _;
use serde_json::json;
use windlass_model::DecisionAnswer;
use windlass_store::{Store, StoredDecision};

use super::{Failure, replay_under::replay_under};
use crate::{
    args::{Output, ReplayArgs},
    console,
    exit::Exit,
    owner::rollout_meant,
    render::{count, difference_text, time},
    replay::{Field, Replayer},
    setup,
};

/// Decisions read at once: each holds all counts of all cohorts.
const PAGE: usize = 256;

/// What came of running decisions again.
#[derive(Default)]
struct Outcome {
    compared: u64,
    /// A policy that gave no answer then has none to compare.
    failed: u64,
    difference: Option<(StoredDecision, Vec<Field>)>,
}

pub(super) async fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    let subject = setup::subject(&(&args.state).into())?;
    let store =
        Store::open_read_only(&subject.file).map_err(|error| setup::open_diagnostic(&error))?;
    let named = args.rollout.as_ref().or(subject.rollout.as_ref());
    let rollout = rollout_meant(&store, named)?;
    if let Some(candidate) = &args.policy {
        return replay_under(args, &store, &rollout, candidate).await;
    }
    let host = setup::small_host(subject.plugin_cache)?;
    let mut replayer = Replayer::new(&store, &host);
    let mut outcome = Outcome::default();
    let mut after = args.from.saturating_sub(1);
    while outcome.difference.is_none() {
        let page = store
            .decisions(rollout.key, after, PAGE)
            .context("the decisions could not be read")?;
        let Some(last) = page.last() else {
            break;
        };
        after = last.id;
        outcome.run(&mut replayer, page).await?;
    }
    let name = rollout.plan.name.as_str();
    match args.output {
        Output::Human => console::text(&outcome.text(name)),
        Output::Json => console::line(&outcome.json(name).to_string()),
    }
    Ok(match outcome.difference {
        None => Exit::Success,
        Some(_) => Exit::Finished,
    })
}

impl Outcome {
    /// Stops at the first difference.
    async fn run(
        &mut self,
        replayer: &mut Replayer<'_>,
        page: Vec<StoredDecision>,
    ) -> Result<(), Failure> {
        for stored in page {
            let DecisionAnswer::Decided(decision) = &stored.record.answer else {
                self.failed += 1;
                continue;
            };
            let fields = replayer.differences(&stored, decision).await?;
            self.compared += 1;
            if !fields.is_empty() {
                self.difference = Some((stored, fields));
                return Ok(());
            }
        }
        Ok(())
    }

    fn text(&self, rollout: &str) -> String {
        let mut text = String::new();
        let end = match &self.difference {
            None => "none differs",
            Some((stored, fields)) => {
                text.push_str(&difference_text(stored, fields));
                "the last one differs, and none after it was run"
            }
        };
        let compared = count(self.compared, "decision");
        text.push_str(&format!("{rollout}: {compared} run again: {end}"));
        if self.failed > 0 {
            let failed = count(self.failed, "failure");
            text.push_str(&format!(
                "; {failed} left out: there is no answer to compare"
            ));
        }
        text.push('\n');
        text
    }

    fn json(&self, rollout: &str) -> serde_json::Value {
        let difference = self.difference.as_ref().map(|(stored, fields)| {
            let record = &stored.record;
            json!({
                "seq": stored.id,
                "time": time(record.at),
                "policy": record.policy,
                "component": record.component,
                "settings": record.settings,
                "fields": fields,
            })
        });
        json!({
            "rollout": rollout,
            "compared": self.compared,
            "failed": self.failed,
            "difference": difference,
        })
    }
}

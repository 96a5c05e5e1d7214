use std::{collections::VecDeque, num::NonZeroUsize};

use anyhow::Context as _;
use serde_json::json;
use windlass_store::{Store, StoredDecision};

use super::{Failure, replay_under::replay_under};
use crate::{
    args::{Output, ReplayArgs},
    console,
    exit::Exit,
    owner::rollout_meant,
    render::{count, difference_text, time},
    replay::{Compared, Field, Pages, Replayer},
    setup,
};

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
    let open =
        || Store::open_read_only(&subject.file).map_err(|error| setup::open_diagnostic(&error));
    let store = open()?;
    let named = args.rollout.as_ref().or(subject.rollout.as_ref());
    let rollout = rollout_meant(&store, named)?;
    let mut pages = Pages::read(open()?, rollout.key, args.from.saturating_sub(1));
    if let Some(candidate) = &args.policy {
        return replay_under(args, &mut pages, &rollout, candidate).await;
    }
    let host = setup::reading_host(subject.plugin_cache)?;
    let mut replayer = Replayer::new(&store, &host);
    let mut outcome = Outcome::default();
    outcome.run(&mut replayer, &mut pages).await?;
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
    /// Some pages are run at once and looked at in order. Stops at the first difference.
    async fn run(&mut self, replayer: &mut Replayer<'_>, pages: &mut Pages) -> Result<(), Failure> {
        let at_once = std::thread::available_parallelism().map_or(1, NonZeroUsize::get) + 1;
        let mut running = VecDeque::with_capacity(at_once);
        // What is wrong with a decision is told if none before it differs.
        let mut trouble = None;
        while self.difference.is_none() {
            let next = match running.len() < at_once && trouble.is_none() {
                true => pages.next().await,
                false => None,
            };
            match next {
                Some(Ok(page)) => {
                    let (again, stopped) = replayer.make_ready(page).await;
                    trouble = stopped;
                    running.push_back(tokio::spawn(again.run()));
                }
                Some(Err(error)) => trouble = Some(error.into()),
                None => match running.pop_front() {
                    Some(page) => self.take(page.await.context("a page was not run")?),
                    None => break,
                },
            }
        }
        match trouble {
            Some(trouble) if self.difference.is_none() => Err(trouble),
            Some(_) | None => Ok(()),
        }
    }

    fn take(&mut self, page: Vec<Compared>) {
        for Compared { stored, fields } in page {
            match fields {
                None => self.failed += 1,
                Some(fields) => {
                    self.compared += 1;
                    if !fields.is_empty() {
                        self.difference = Some((stored, fields));
                        return;
                    }
                }
            }
        }
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

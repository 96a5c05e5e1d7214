use std::num::NonZeroUsize;

use futures_util::{StreamExt as _, stream::FuturesOrdered};
use serde_json::json;
use windlass_store::Store;

use super::{Failure, replay_under::replay_under};
use crate::{
    args::{Output, ReplayArgs},
    console,
    exit::Exit,
    owner::rollout_meant,
    render::{count, difference_text, time},
    replay::{Difference, End, Page, Pages, Replayer},
    setup,
};

/// What came of running decisions again.
#[derive(Default)]
struct Outcome {
    compared: u64,
    /// A policy that gave no answer then has none to compare.
    failed: u64,
    difference: Option<Box<Difference>>,
}

pub(super) async fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    let subject = setup::subject(&(&args.state).into())?;
    let open =
        || Store::open_read_only(&subject.file).map_err(|error| setup::open_diagnostic(&error));
    let store = open()?;
    let named = args.rollout.as_ref().or(subject.rollout.as_ref());
    let rollout = rollout_meant(&store, named)?;
    let after = args.from.saturating_sub(1);
    if let Some(candidate) = &args.policy {
        return replay_under(args, open()?, after, &rollout, candidate).await;
    }
    let pages = Pages::read(open()?, rollout.key, after, |rows| Ok(Page::from(rows)));
    let host = setup::reading_host(subject.plugin_cache)?;
    let mut replayer = Replayer::new(&store, &host);
    let mut outcome = Outcome::default();
    outcome.run(&mut replayer, pages).await?;
    let name = rollout.plan.name.as_str();
    match args.output {
        Output::Human => console::show(&outcome.text(name))?,
        Output::Json => console::show_line(&outcome.json(name).to_string())?,
    }
    Ok(match outcome.difference {
        None => Exit::Success,
        Some(_) => Exit::Finished,
    })
}

impl Outcome {
    /// Some pages are run at once and looked at in order. Stops at the first difference; what is
    /// wrong with a decision is told if none before it differs.
    async fn run(
        &mut self,
        replayer: &mut Replayer<'_>,
        mut pages: Pages<Page>,
    ) -> Result<(), Failure> {
        let at_once = std::thread::available_parallelism().map_or(1, NonZeroUsize::get) + 1;
        let mut running = FuturesOrdered::new();
        let mut unread = None;
        let mut are_all_read = false;
        loop {
            while running.len() < at_once && !are_all_read {
                match pages.next().await {
                    Some(Ok(page)) => running.push_back(replayer.run(page)),
                    Some(Err(error)) => (unread, are_all_read) = (Some(error), true),
                    None => are_all_read = true,
                }
            }
            let Some(ran) = running.next().await else {
                break;
            };
            self.compared += ran.compared;
            self.failed += ran.failed;
            match ran.end {
                End::Through => {}
                End::Differs(difference) => {
                    self.difference = Some(difference);
                    return Ok(());
                }
                End::Unopened(page, policy) => {
                    replayer.open(policy).await?;
                    running.push_front(replayer.run(page));
                }
                End::Unreadable(error) => return Err(error.into()),
            }
        }
        unread.map_or(Ok(()), |error| Err(error.into()))
    }

    fn text(&self, rollout: &str) -> String {
        let mut text = String::new();
        let end = match &self.difference {
            None => "none differs",
            Some(difference) => {
                text.push_str(&difference_text(&difference.stored, &difference.fields));
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
        let difference = self.difference.as_deref().map(|difference| {
            let Difference { stored, fields } = difference;
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

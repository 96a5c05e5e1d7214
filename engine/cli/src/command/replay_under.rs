//! `windlass replay --policy`: what another policy would have said.

use anyhow::Context as _;
use serde_json::json;
use windlass_model::{PluginName, StoredRollout};
use windlass_store::{DecisionRows, Store, StoredDecision};

use super::Failure;
use crate::{
    args::{Output, ReplayArgs},
    config::Overrides,
    console,
    diagnostic::{Diagnostic, quote},
    exit::Exit,
    render::{count, parting_text, time},
    replay::{Candidate, Leaning, Pages, Parting, compared_with},
    setup,
};

/// Partings that are shown to people; the rest is counted.
const SHOWN: u64 = 10;

/// How often and how far a candidate parts from what was decided.
#[derive(Default)]
struct Tally {
    compared: u64,
    differ: u64,
    stricter: u64,
    laxer: u64,
    most_fewer: i128,
    most_more: i128,
}

pub(super) async fn replay_under(
    args: &ReplayArgs,
    store: Store,
    after: i64,
    rollout: &StoredRollout,
    candidate: &PluginName,
) -> Result<Exit, Failure> {
    let path = args.state.config.as_deref();
    // clap sees to it that there is one.
    let path = path.context("--policy needs a configuration")?;
    let (config, _) = setup::read_config(path, &Overrides::default())?;
    let host = setup::start_host(&config)?;
    let opened = setup::open_policy(&config, &host, candidate).await?;
    let of = whose(rollout, candidate, args.of.as_ref())?;
    let mut asked = Candidate::new(opened.policy);
    let mut tally = Tally::default();
    let mut pages = Pages::read(store, rollout.key, after, |rows: DecisionRows| {
        let decisions = rows.iter().map(|row| row.decision());
        decisions.collect::<Result<Vec<_>, _>>()
    });
    while let Some(page) = pages.next().await {
        let page = page?;
        let is_one =
            |stored: &&StoredDecision| stored.record.policy == of && stored.shadow.is_none();
        for stored in page.iter().filter(is_one) {
            tally.compared += 1;
            if let Some(parting) = asked.parts_from(stored).await {
                tally.note(&parting);
                match args.output {
                    Output::Human if tally.differ <= SHOWN => {
                        console::show(&parting_text(stored, candidate, &parting))?;
                    }
                    Output::Human => {}
                    Output::Json => {
                        console::show_line(&parting_json(stored, &parting).to_string())?
                    }
                }
            }
        }
    }
    match args.output {
        Output::Human => console::show(&tally.text(rollout, candidate, &of))?,
        Output::Json => console::show_line(&tally.json(rollout, candidate, &of).to_string())?,
    }
    Ok(match tally.differ {
        0 => Exit::Success,
        _ => Exit::Finished,
    })
}

fn whose(
    rollout: &StoredRollout,
    candidate: &PluginName,
    named: Option<&PluginName>,
) -> Result<PluginName, Diagnostic> {
    let policies: Vec<_> = rollout
        .plan
        .policies
        .iter()
        .map(|pin| pin.name.clone())
        .collect();
    compared_with(&policies, candidate, named)
        .cloned()
        .ok_or_else(|| {
            let names: Vec<_> = policies.iter().map(|name| quote(name.as_str())).collect();
            let what = match named {
                Some(named) => format!(
                    "the rollout {} has no policy {}",
                    quote(rollout.plan.name.as_str()),
                    quote(named.as_str())
                ),
                None => "it is not clear with whose decisions to compare".to_owned(),
            };
            Diagnostic::error(what)
                .note(format!("its policies are {}", names.join(", ")))
                .help("name one of them with --of")
        })
}

impl Tally {
    fn note(&mut self, parting: &Parting) {
        self.differ += 1;
        match parting.leaning {
            Leaning::Stricter => self.stricter += 1,
            Leaning::Laxer => self.laxer += 1,
            Leaning::Other => {}
        }
        self.most_fewer = self.most_fewer.max(-parting.devices);
        self.most_more = self.most_more.max(parting.devices);
    }

    fn text(&self, rollout: &StoredRollout, candidate: &PluginName, of: &PluginName) -> String {
        let mut text = String::new();
        if self.differ > SHOWN {
            text.push_str(&format!("… and {} more\n", self.differ - SHOWN));
        }
        let compared = count(self.compared, "decision");
        let name = &rollout.plan.name;
        text.push_str(&format!(
            "{name}: {compared} of policy {of} shown to {candidate}: "
        ));
        if self.differ == 0 {
            text.push_str("it would have allowed and said the same\n");
            return text;
        }
        let whole = |number: i128| count(u64::try_from(number).unwrap_or(0), "device");
        let differ = if self.differ == 1 {
            "differs"
        } else {
            "differ"
        };
        text.push_str(&format!(
            "{} {differ}, {} stricter and {} laxer; at most {} fewer and {} more may start\n",
            self.differ,
            self.stricter,
            self.laxer,
            whole(self.most_fewer),
            whole(self.most_more)
        ));
        text
    }

    fn json(
        &self,
        rollout: &StoredRollout,
        candidate: &PluginName,
        of: &PluginName,
    ) -> serde_json::Value {
        json!({
            "rollout": rollout.plan.name,
            "candidate": candidate,
            "of": of,
            "compared": self.compared,
            "differ": self.differ,
            "stricter": self.stricter,
            "laxer": self.laxer,
            "most_fewer": u64::try_from(self.most_fewer).unwrap_or(0),
            "most_more": u64::try_from(self.most_more).unwrap_or(0),
        })
    }
}

fn parting_json(stored: &StoredDecision, parting: &Parting) -> serde_json::Value {
    json!({
        "seq": stored.id,
        "time": time(stored.record.at),
        "leaning": match parting.leaning {
            Leaning::Stricter => "stricter",
            Leaning::Laxer => "laxer",
            Leaning::Other => "other",
        },
        "fields": parting.fields,
    })
}

//! Recorded decisions run again: the same component and settings, given what they saw then,
//! must say what they said then (design §8).
//!
//! - `pages`: decisions read ahead; `again`: several run at once and compared in order.
//! - `difference`: in which fields two answers differ.
//! - `under`: what another policy would have said.

mod again;
mod difference;
mod pages;
mod under;

use std::collections::BTreeMap;

use anyhow::Context as _;
use windlass_host::{Host, Policy};
use windlass_model::{DecisionAnswer, DecisionRecord, PluginName, Sha256};
use windlass_store::{Store, StoredDecision};

use crate::{command::Failure, diagnostic::Diagnostic, setup::with_causes};

pub use again::{Again, Compared};
pub use difference::Field;
pub use pages::Pages;
pub use under::{Candidate, Leaning, Parting, compared_with};

/// Runs decisions again with the components and settings that the state file keeps.
pub struct Replayer<'a> {
    store: &'a Store,
    host: &'a Host,
    opened: BTreeMap<Identity, Policy>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    name: PluginName,
    component: Sha256,
    settings: Sha256,
}

impl Identity {
    fn of(record: &DecisionRecord) -> Self {
        Self {
            name: record.policy.clone(),
            component: record.component,
            settings: record.settings,
        }
    }
}

impl<'a> Replayer<'a> {
    /// Policies are opened as they are met, and then kept.
    pub fn new(store: &'a Store, host: &'a Host) -> Self {
        Self {
            store,
            host,
            opened: BTreeMap::new(),
        }
    }

    /// Opens what the decisions of a page need to be run again. If one cannot be, because its
    /// component or its settings are not kept or not sound, the page ends before it.
    pub async fn make_ready(&mut self, page: Vec<StoredDecision>) -> (Again, Option<Failure>) {
        let mut again = Again::default();
        for stored in page {
            match &stored.record.answer {
                DecisionAnswer::Decided(_) => {
                    let identity = Identity::of(&stored.record);
                    match self.policy(&identity, &stored).await {
                        Ok(policy) => again.push(stored, identity, policy),
                        Err(trouble) => return (again, Some(trouble)),
                    }
                }
                DecisionAnswer::Failed(_) => again.leave_out(stored),
            }
        }
        (again, None)
    }

    async fn policy(
        &mut self,
        identity: &Identity,
        stored: &StoredDecision,
    ) -> Result<Policy, Failure> {
        if let Some(policy) = self.opened.get(identity) {
            return Ok(policy.clone());
        }
        let policy = self.open(stored.id, &stored.record).await?;
        self.opened.insert(identity.clone(), policy.clone());
        Ok(policy)
    }

    async fn open(&self, id: i64, record: &DecisionRecord) -> Result<Policy, Failure> {
        let DecisionRecord {
            policy: name,
            component,
            settings,
            ..
        } = record;
        let bytes = self
            .store
            .component(component)
            .context("the components could not be read")?
            .ok_or_else(|| gone(id, name, "component", component))?;
        let kept = self
            .store
            .settings(settings)
            .context("the settings could not be read")?
            .ok_or_else(|| gone(id, name, "settings", settings))?;
        let broken = |error: &dyn std::error::Error| {
            let what = format!("decision {id} of the policy `{name}` cannot be run again: {error}");
            with_causes(Diagnostic::error(what), error)
        };
        let kept = serde_json::from_str(&kept).map_err(|error| broken(&error))?;
        let plugin = self
            .host
            .load(name.clone(), bytes.into())
            .await
            .map_err(|error| broken(&error))?;
        if plugin.digest() != *component {
            return Err(Diagnostic::error(format!(
                "decision {id} of the policy `{name}` cannot be run again: what the state file \
                 keeps as the component {component} has the digest {}",
                plugin.digest()
            ))
            .into());
        }
        let opened = plugin.policy(&kept).await;
        Ok(opened.map_err(|error| broken(&error))?)
    }
}

fn gone(id: i64, policy: &PluginName, what: &str, digest: &Sha256) -> Failure {
    Diagnostic::error(format!(
        "decision {id} of the policy `{policy}` cannot be run again: the state file does not \
         keep its {what}"
    ))
    .note(format!("the digest is {digest}"))
    .help("start after it with --from")
    .into()
}

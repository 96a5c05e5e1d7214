//! Recorded decisions run again: the same component and settings, given what they saw then,
//! must say what they said then (design §8).
//!
//! - `pages`: decisions read ahead; `page`: those of one taken again and compared, in order.
//! - `difference`: in which fields two answers differ.
//! - `under`: what another policy would have said.

mod difference;
mod page;
mod pages;
mod under;

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;
use windlass_host::{Host, Policy};
use windlass_model::{PluginName, Sha256};
use windlass_store::{Store, StoredDecision};

use crate::{command::Failure, diagnostic::Diagnostic, setup::with_causes};

pub use difference::Field;
use page::Policies;
pub use page::{End, Page, Ran, Unopened};
pub use pages::Pages;
pub use under::{Candidate, Leaning, Parting, compared_with};

/// A recorded decision that comes out otherwise when it is taken again.
pub struct Difference {
    /// As it was recorded.
    pub stored: StoredDecision,
    /// Where the answers differ.
    pub fields: Vec<Field>,
}

/// Runs decisions again with the components and settings that the state file keeps.
pub struct Replayer<'a> {
    store: &'a Store,
    host: &'a Host,
    /// Those that were met so far.
    opened: Policies,
}

/// Which policy decided.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    name: PluginName,
    component: Sha256,
    settings: Sha256,
}

impl<'a> Replayer<'a> {
    /// Policies are opened as they are met, and then kept.
    pub fn new(store: &'a Store, host: &'a Host) -> Self {
        Self {
            store,
            host,
            opened: Arc::new(BTreeMap::new()),
        }
    }

    /// Takes the decisions of `page` again, with the policies that were opened before.
    pub fn run(&self, page: Page) -> impl Future<Output = Ran> + Send + use<> {
        let policies = Arc::clone(&self.opened);
        self.host
            .among_guests(move |guests| page.run(policies, guests))
    }

    /// Opens a policy for the pages that are run from here on.
    ///
    /// # Errors
    ///
    /// If its component or its settings are not kept or not sound.
    pub async fn open(&mut self, unopened: Unopened) -> Result<(), Failure> {
        if !self.opened.contains_key(&unopened.who) {
            let policy = self.policy(&unopened).await?;
            Arc::make_mut(&mut self.opened).insert(unopened.who, policy);
        }
        Ok(())
    }

    async fn policy(&self, unopened: &Unopened) -> Result<Policy, Failure> {
        let Unopened {
            id,
            who:
                Identity {
                    name,
                    component,
                    settings,
                },
        } = unopened;
        let bytes = self
            .store
            .component(component)
            .context("the components could not be read")?
            .ok_or_else(|| gone(*id, name, "component", component))?;
        let kept = self
            .store
            .settings(settings)
            .context("the settings could not be read")?
            .ok_or_else(|| gone(*id, name, "settings", settings))?;
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

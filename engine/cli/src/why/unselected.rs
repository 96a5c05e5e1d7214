//! Devices that a rollout does not have: its filter is run again on what the registry has of
//! them now.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Context as _;
use windlass_host::{Filter, Host, Refusal};
use windlass_model::{PluginPin, RolloutKey, Sha256, StoredRollout};
use windlass_store::Store;

use super::{Answer, Cause, Excerpt, Next, Scene};
use crate::{
    command::Failure,
    diagnostic::{Span, clean},
    render::refusal_text,
    setup,
};

/// Filters, opened with the components and settings that the state file keeps.
pub struct Filters<'a> {
    store: &'a Store,
    cache: Option<PathBuf>,
    /// Starting one takes longer than all else: most devices need none.
    host: Option<Host>,
    opened: BTreeMap<RolloutKey, Filter>,
}

/// What a filter says today.
enum Said {
    /// It matches.
    Yes,
    /// It does not; by these parts of its expression, if it can tell.
    No(Vec<Refusal>),
    /// It cannot be asked.
    Unknown(String),
}

/// By which parts of its expression a filter leaves a device out.
fn refused(expression: Option<&str>, refusals: &[Refusal]) -> Cause {
    let Some(why) = refusal_text(expression, refusals) else {
        return Cause::host("filter", "the filter says no, and not why");
    };
    let parts: Vec<_> = refusals
        .iter()
        .filter_map(|refusal| Some((Span::from(refusal.part.clone()?), clean(&refusal.text))))
        .collect();
    // One that names no part is told in the sentence alone.
    let excerpt = expression
        .filter(|_| parts.len() == refusals.len())
        .map(|expression| Excerpt {
            heading: "the filter says no:".to_owned(),
            expression: expression.to_owned(),
            parts,
        });
    Cause {
        excerpt,
        ..Cause::host("filter", format!("the filter says no: {why}"))
    }
}

impl<'a> Filters<'a> {
    /// Compiled components are kept in `cache`.
    pub fn new(store: &'a Store, cache: Option<PathBuf>) -> Self {
        Self {
            store,
            cache,
            host: None,
            opened: BTreeMap::new(),
        }
    }

    /// Tells of a device that a rollout does not have.
    ///
    /// # Errors
    /// If the state file cannot be read.
    pub async fn explain(
        &mut self,
        scene: &Scene<'_>,
        rollout: &StoredRollout,
    ) -> Result<Answer, Failure> {
        let mut answer = Answer {
            rollout: rollout.plan.name.clone(),
            rollout_state: scene.course(rollout)?.state,
            state: None,
            headline: "not selected".to_owned(),
            because: Vec::new(),
            next: Vec::new(),
            notes: Vec::new(),
        };
        let out = self
            .store
            .decommissioned(&[scene.device.key])
            .context("the devices could not be read")?;
        if !out.is_empty() {
            let text = "it was taken out of service";
            answer.because.push(Cause::host("decommissioned", text));
            let command = format!("devices decommission {} --undo", scene.device.device.id);
            let command = crate::owner::hint(self.store, &command);
            answer.next.push(Next::by("when that is undone", command));
            return Ok(answer);
        }
        if rollout.plan.takes_back.is_some() {
            let text = "it takes another rollout back, and the device has nothing to go back from";
            answer.because.push(Cause::host("rollback", text));
            return Ok(answer);
        }
        let Some(pin) = &rollout.plan.filter else {
            let text = "the rollout has no filter: the device was not in the fleet when it was \
                        planned";
            answer.because.push(Cause::host("not-in-fleet", text));
            return Ok(answer);
        };
        match self.ask(scene, rollout, pin).await? {
            Said::No(refusals) => {
                let expression = rollout.plan.filter_expression.as_deref();
                answer.because.push(refused(expression, &refusals));
            }
            Said::Yes => {
                answer.because.push(Cause::host(
                    "matches-now",
                    "the filter did not select it when it was asked; today it matches",
                ));
                answer.next.push(match rollout.plan.settings.dynamic {
                    true => Next::when(
                        "when the rollout is run again: it takes devices that match later",
                    ),
                    false => {
                        Next::when("in another rollout: this one takes no devices that match later")
                    }
                });
            }
            Said::Unknown(why) => answer
                .notes
                .push(format!("the filter cannot be asked: {why}")),
        }
        if scene.over {
            answer.notes.push(
                "the filter was asked about the device as the registry has it now".to_owned(),
            );
        }
        Ok(answer)
    }

    async fn ask(
        &mut self,
        scene: &Scene<'_>,
        rollout: &StoredRollout,
        pin: &PluginPin,
    ) -> Result<Said, Failure> {
        let device = &scene.device.device;
        let filter = match self.opened.get(&rollout.key) {
            Some(filter) => filter.clone(),
            None => match self.open(rollout, pin).await? {
                Ok(filter) => {
                    self.opened.insert(rollout.key, filter.clone());
                    filter
                }
                Err(why) => return Ok(Said::Unknown(why)),
            },
        };
        let asked = std::slice::from_ref(device);
        Ok(match filter.matches(scene.at, asked).await {
            Ok(matches) if matches.first() == Some(&true) => Said::Yes,
            Ok(_) => match filter.explain(scene.at, device).await {
                Ok(why) => Said::No(why),
                Err(error) => Said::Unknown(clean(&error.summary())),
            },
            Err(error) => Said::Unknown(clean(&error.summary())),
        })
    }

    async fn open(
        &mut self,
        rollout: &StoredRollout,
        pin: &PluginPin,
    ) -> Result<Result<Filter, String>, Failure> {
        let kept = |what: &str, digest: &Sha256| {
            format!("the state file does not keep its {what} {digest}")
        };
        let component = self
            .store
            .component(&pin.component)
            .context("the components could not be read")?;
        let Some(component) = component else {
            return Ok(Err(kept("component", &pin.component)));
        };
        let settings = self
            .store
            .settings(&pin.settings)
            .context("the settings could not be read")?;
        let Some(settings) = settings else {
            return Ok(Err(kept("settings", &pin.settings)));
        };
        let settings = serde_json::from_str(&settings).context("the settings are no JSON")?;
        let host = match self.host.take() {
            Some(host) => host,
            None => setup::reading_host(self.cache.clone())?,
        };
        let host = self.host.insert(host);
        let plugin = match host.load(pin.name.clone(), component.into()).await {
            Ok(plugin) => plugin,
            Err(error) => return Ok(Err(clean(&error.to_string()))),
        };
        let expression = rollout.plan.filter_expression.as_deref();
        let opened = plugin.filter(expression, &settings).await;
        Ok(opened.map_err(|error| clean(&error.to_string())))
    }
}

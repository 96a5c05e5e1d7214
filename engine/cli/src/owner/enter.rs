use std::sync::{Arc, atomic::Ordering};

use anyhow::Context as _;
use windlass_core::identity;
use windlass_model::{
    Order, RolloutKey, RolloutName, RolloutPlan, RolloutState, Steering, StoredRollout,
};
use windlass_runtime::{
    Entry, Parts, PluginExecutor, PolicyPart, WaitFor, clock::Clock as _, planning, steer_at_rest,
};

use super::{
    Leg, Owner, Voyage, berths::Berth, berths::Purpose, find, gone_back::gone_back,
    swap::policies_before, take_back::WayBack,
};
use crate::{
    command::Failure,
    diagnostic::{Diagnostic, Diagnostics},
    setup::{self, Loaded, PolicySettings, Prepared},
};

/// How a rollout is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// When to come back from waiting.
    pub wait: WaitFor,
    /// Go on although filter, policies or settings differ.
    pub accept_changes: bool,
    /// Who lifts a pause, if somebody does.
    pub resumed_by: Option<String>,
}

impl Owner {
    /// Takes a prepared rollout up where the state file has it, or plans it, and drives it.
    ///
    /// # Errors
    /// If it differs from what the state file has, is driven already, or its release is
    /// condemned: nothing was touched then.
    pub async fn enter(&self, prepared: Prepared, options: &RunOptions) -> Result<Voyage, Failure> {
        let Prepared {
            config,
            mut warnings,
            host,
            mut parts,
            components,
            policy_settings,
            earlier,
        } = prepared;
        let name = parts.name.clone();
        let Some(berth) = self.berths.take(&name, Purpose::Run).await else {
            let status = self.hint("status --watch").await?;
            return Err(
                Diagnostic::error(format!("the rollout `{name}` is running already"))
                    .help(format!("see where it stands with {status}"))
                    .into(),
            );
        };
        let known = self.known_rollout(&parts, options.accept_changes).await?;
        let takes_devices = |rollout: &StoredRollout| !has_ended(rollout) || grows(rollout, &parts);
        if let Some(file) = config
            .devices
            .as_ref()
            .filter(|_| known.as_ref().is_none_or(takes_devices))
        {
            let now = self.clock.now().wall;
            setup::import_fleet(&self.store, &file.value, setup::Import::Replace, now).await?;
            self.helm.refresh().await;
        }
        let turns = self.growing.turns();
        let key = match known {
            Some(rollout) => {
                if grows(&rollout, &parts) {
                    self.grow_at_rest(rollout.key, &parts).await?;
                }
                self.resume(&rollout, options).await?;
                rollout.key
            }
            None => self.create_rollout(&parts, &mut warnings).await?,
        };
        self.keep_components(components).await?;
        self.keep_settings(policy_settings).await?;
        let before = policies_before(&self.store, &host, key).await?;
        let further = self.settle_shadows(key, &mut parts, &config, &host).await?;
        warnings.append(further);
        let way_back = WayBack::new(&config.rollback, &parts, earlier);
        let leg = self
            .drive((key, name), (parts, before), options.wait, berth, turns)
            .await?;
        Ok(Voyage::new(leg, warnings, way_back, options.wait, host))
    }

    /// Hands a rollout of the state file to the engine, with the policies that it may go back
    /// to. `turns` is what [`Growing::turns`] was before its devices were selected.
    ///
    /// [`Growing::turns`]: super::grow::Growing::turns
    pub(super) async fn drive(
        &self,
        (key, name): (RolloutKey, RolloutName),
        (parts, before): (Parts, Vec<PolicyPart>),
        wait: WaitFor,
        berth: Berth,
        turns: u64,
    ) -> Result<Leg, Failure> {
        let after = self
            .store
            .run(|store| store.last_event())
            .await
            .context("the state file failed")?
            .context("the events could not be read")?;
        let events = self.bus.subscribe(self.store.clone(), after);
        let bandwidth = Arc::clone(&self.bandwidth);
        let executor = PluginExecutor::new(parts, before, self.store.clone(), bandwidth);
        let executor = Arc::new(executor);
        let entered = self
            .helm
            .add(Entry {
                rollout: key,
                executor: Arc::clone(&executor),
                wait,
            })
            .await
            .context("the rollout could not be taken up")?;
        if self.stopping.load(Ordering::SeqCst) {
            // Everything was told to stop before this was there to hear it.
            self.helm.stop(Some(key)).await;
        }
        self.growing(key, &executor, turns).await;
        let store = self.store.clone();
        Ok(Leg::new((key, name), store, events, entered, after, berth))
    }

    /// Lifts a pause before anybody looks whether the rollout waits for a person.
    async fn resume(&self, rollout: &StoredRollout, options: &RunOptions) -> Result<(), Failure> {
        let Some(actor) = options.resumed_by.clone() else {
            return Ok(());
        };
        if rollout.state != RolloutState::Paused {
            return Ok(());
        }
        let order = Order {
            actor,
            reason: String::new(),
            what: Steering::Resume,
        };
        steer_at_rest(&self.store, rollout.key, order, self.clock.now())
            .await
            .context("the pause could not be lifted")?;
        Ok(())
    }

    async fn keep_components(&self, components: Vec<Loaded>) -> Result<(), Failure> {
        for component in components {
            let digest = component.plugin.digest();
            self.store
                .run(move |store| store.put_component(&digest, &component.bytes))
                .await
                .context("the state file failed")?
                .context("a plugin's component could not be kept")?;
        }
        Ok(())
    }

    async fn keep_settings(&self, of_policies: Vec<PolicySettings>) -> Result<(), Failure> {
        for PolicySettings { digest, json } in of_policies {
            self.store
                .run(move |store| store.put_settings(&digest, &json))
                .await
                .context("the state file failed")?
                .context("a plugin's settings could not be kept")?;
        }
        Ok(())
    }

    /// Design §7.6.
    async fn refuse_condemned(&self, parts: &Parts) -> Result<(), Failure> {
        let release = parts.release.clone();
        self.store
            .run(move |store| find::refuse_condemned(store, &release))
            .await
            .context("the state file failed")?
    }

    /// The rollout of this name, if it was started before and is still the same one.
    async fn known_rollout(
        &self,
        parts: &Parts,
        accept_changes: bool,
    ) -> Result<Option<StoredRollout>, Failure> {
        let name = parts.name.clone();
        let known = self
            .store
            .run(move |store| store.rollout(&name))
            .await
            .context("the state file failed")?
            .context("the rollout could not be looked up")?;
        match known {
            Some(rollout) => self.take_up(parts, rollout, accept_changes).await.map(Some),
            None => {
                self.refuse_condemned(parts).await?;
                Ok(None)
            }
        }
    }

    async fn take_up(
        &self,
        parts: &Parts,
        rollout: StoredRollout,
        accept_changes: bool,
    ) -> Result<StoredRollout, Failure> {
        let key = rollout.plan.release;
        let stored = self
            .store
            .run(move |store| store.release(key))
            .await
            .context("the state file failed")?
            .context("the release could not be looked up")?;
        if stored.sha256 != parts.release.sha256 {
            return Err(Diagnostic::error(format!(
                "the rollout `{}` was started with another payload: its SHA-256 was {}, now it is {}",
                parts.name, stored.sha256, parts.release.sha256,
            ))
            .help("give this rollout another name")
            .into());
        }
        if has_ended(&rollout) && !grows(&rollout, parts) {
            return Ok(rollout);
        }
        // One that is being given up starts nothing, and must be brought to its end.
        if rollout.state != RolloutState::Aborting {
            self.refuse_condemned(parts).await?;
        }
        let selection = planning::Selection {
            targets: Vec::new(),
            cohorts: rollout.plan.cohorts.clone(),
            unselected: rollout.plan.unselected,
        };
        let wanted = planning::plan(parts, rollout.plan.release, &selection);
        self.accept(&rollout, wanted, accept_changes).await?;
        Ok(rollout)
    }

    /// A changed filter, policy or rule is shown, and taken over only if asked for.
    async fn accept(
        &self,
        rollout: &StoredRollout,
        wanted: RolloutPlan,
        accept_changes: bool,
    ) -> Result<(), Failure> {
        let differences = identity::differences(&rollout.plan, &wanted);
        if !differences.is_empty() && !accept_changes {
            let mut diagnostic = Diagnostic::error(format!(
                "the configuration differs from the one that the rollout `{}` was started with",
                wanted.name
            ));
            for difference in &differences {
                diagnostic = diagnostic.note(difference.to_string());
            }
            return Err(self.what_now(rollout, wanted, diagnostic).await?.into());
        }
        if wanted == rollout.plan {
            return Ok(());
        }
        let key = rollout.key;
        self.store
            .run(move |store| store.replace_plan(key, &wanted))
            .await
            .context("the state file failed")?
            .context("the changed plan could not be kept")?;
        Ok(())
    }

    /// What can be done about a configuration that differs.
    async fn what_now(
        &self,
        rollout: &StoredRollout,
        wanted: RolloutPlan,
        diagnostic: Diagnostic,
    ) -> Result<Diagnostic, Failure> {
        if rollout.plan.policies != wanted.policies {
            let (key, now) = (rollout.key, self.clock.now().wall);
            let back = self
                .run(move |store| gone_back(store, key, &wanted.policies, now))
                .await?;
            if let Some(back) = back {
                return Ok(back.tell(diagnostic));
            }
        }
        Ok(diagnostic.help("add --accept-changes to go on with the new one"))
    }

    /// Selects the targets and keeps the plan.
    async fn create_rollout(
        &self,
        parts: &Parts,
        warnings: &mut Diagnostics,
    ) -> Result<RolloutKey, Failure> {
        let now = self.clock.now().wall;
        let selection = planning::select(&self.store, parts, now)
            .await
            .map_err(setup::plan_diagnostic)?;
        if selection.targets.is_empty() {
            warnings.push(Diagnostic::warning(
                "no device is selected: there is nothing to do",
            ));
        }
        let release = parts.release.clone();
        let key = self
            .store
            .run(move |store| store.put_release(&release, now))
            .await
            .context("the state file failed")?
            .context("the release could not be kept")?;
        let plan = planning::plan(parts, key, &selection);
        self.store
            .run(move |store| store.create_rollout(&plan, &mut selection.targets.into_iter(), now))
            .await
            .context("the state file failed")?
            .context("the rollout could not be kept")
            .map_err(Failure::Broken)
    }
}

pub(super) fn has_ended(rollout: &StoredRollout) -> bool {
    matches!(
        rollout.state,
        RolloutState::Aborted | RolloutState::Completed
    )
}

/// Whether devices that match only now may join.
fn grows(rollout: &StoredRollout, parts: &Parts) -> bool {
    let takes_more = !matches!(
        rollout.state,
        RolloutState::Aborting | RolloutState::Aborted
    );
    parts.settings.dynamic && takes_more
}

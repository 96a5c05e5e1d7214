//! Policies in shadow of a rollout: by a person's order, and by the configuration.

use std::{error::Error, sync::Arc};

use anyhow::Context as _;
use windlass_host::Host;
use windlass_model::{
    NewShadow, PluginName, RolloutKey, ShadowEnd, ShadowOrigin, ShadowPlaces, StoredRollout,
};
use windlass_runtime::{
    FurtherPolicies, Parts, PolicyPart, ShadowDeed, ShadowError, ShadowOrder,
    clock::Clock as _,
    planning::{self, Charge},
    shadow_at_rest,
};
use windlass_store::{ShadowConflict, Store, StoreError, StoredShadow};

use super::{Owner, berths::Purpose, enter::has_ended, execute::Hand, execute::LOOK_AGAIN, find};
use crate::{
    command::Failure,
    config::{Config, Overrides},
    control::{Done, ShadowErrand, ShadowWish, Shadowed, ShadowedHow},
    diagnostic::{Diagnostic, Diagnostics, clean, nearest, quote},
    setup::{self, OpenedPolicies},
};

/// Targets read at once to say what a new shadow's cohorts are charged with.
const PAGE: usize = 8192;

impl Hand<'_> {
    /// Puts a policy in shadow, or takes it out.
    pub(super) async fn shadow(&self, errand: ShadowErrand) -> Result<Done, Failure> {
        match &errand.wish {
            ShadowWish::Add { config, directory } => {
                let path = match self.owner {
                    Some(_) => directory.join(config),
                    None => config.clone(),
                };
                let (config, _) = setup::read_config(&path, &Overrides::default())?;
                self.put_in_shadow(&config, &errand).await
            }
            ShadowWish::Remove => self.take_out(&errand).await,
        }
    }

    async fn put_in_shadow(&self, config: &Config, errand: &ShadowErrand) -> Result<Done, Failure> {
        let place = setup::named(config, &errand.policy)?;
        let name = errand
            .rollout
            .clone()
            .unwrap_or_else(|| config.rollout.name.value.clone());
        let (rollout, known) = self
            .look(move |store| {
                let rollout = find::rollout_meant(store, Some(&name))?;
                let known = store
                    .shadows(rollout.key)
                    .context("the policies in shadow could not be read")?;
                Ok((rollout, known))
            })
            .await?;
        refuse(config, place.span, &rollout, &known, &errand.policy)?;
        let host = match self.owner {
            Some(owner) => Arc::clone(&owner.host),
            None => Arc::new(setup::host_beside(config)?),
        };
        let opened = setup::open_as_policies(config, &host, std::slice::from_ref(&place)).await?;
        let Some(part) = opened.policies.first() else {
            return Err(anyhow::anyhow!("a policy that opened is not there").into());
        };
        let places = planning::place_shadow(self.store, &rollout, part, self.now.wall)
            .await
            .map_err(setup::plan_diagnostic)?;
        self.keep(&opened).await?;
        let cohorts = self.charged(&rollout, &places).await?;
        let order = ShadowOrder {
            actor: self.who.actor.clone(),
            reason: self.who.reason.clone(),
            what: ShadowDeed::Add(NewShadow {
                pin: part.pin.clone(),
                origin: ShadowOrigin::Person,
                placed: Ok(places),
            }),
        };
        let driven = self.carry_shadow(&rollout, order, Some(&opened)).await?;
        Ok(Done::Shadowed(Shadowed {
            rollout: rollout.plan.name,
            policy: errand.policy.clone(),
            how: ShadowedHow::Added { cohorts },
            driven,
        }))
    }

    async fn take_out(&self, errand: &ShadowErrand) -> Result<Done, Failure> {
        let named = errand.rollout.clone();
        let policy = errand.policy.clone();
        let rollout = self
            .look(move |store| {
                let rollout = find::rollout_meant(store, named.as_ref())?;
                let known = store
                    .shadows(rollout.key)
                    .context("the policies in shadow could not be read")?;
                refuse_over(&rollout)?;
                let mut asked = known.iter().filter(|one| one.ended.is_none());
                if asked.any(|one| one.pin.name == policy) {
                    return Ok(rollout);
                }
                Err(absent(&rollout, &known, &policy).into())
            })
            .await?;
        let order = ShadowOrder {
            actor: self.who.actor.clone(),
            reason: self.who.reason.clone(),
            what: ShadowDeed::Remove {
                name: errand.policy.clone(),
                because: ShadowEnd::Person,
            },
        };
        let driven = self.carry_shadow(&rollout, order, None).await?;
        Ok(Done::Shadowed(Shadowed {
            rollout: rollout.plan.name,
            policy: errand.policy.clone(),
            how: ShadowedHow::Removed,
            driven,
        }))
    }

    /// Whether somebody drives the rollout.
    async fn carry_shadow(
        &self,
        rollout: &StoredRollout,
        order: ShadowOrder,
        opened: Option<&OpenedPolicies>,
    ) -> Result<bool, Failure> {
        let order = Arc::new(order);
        let mut berth = None;
        while let Some(owner) = self.owner {
            let further = opened.map(|opened| FurtherPolicies {
                policies: opened.policies.clone(),
                signals: opened.signals.clone(),
            });
            let told = owner.helm.shadow(rollout.key, Arc::clone(&order), further);
            match told.await {
                Err(ShadowError::NotRunning) => {}
                told => return told.map(|()| true).map_err(not_done),
            }
            berth = owner.berths.take(&rollout.plan.name, Purpose::Order).await;
            if berth.is_some() {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let told = shadow_at_rest(self.store, rollout.key, order, self.now).await;
        drop(berth);
        told.map(|()| false).map_err(not_done)
    }

    /// The cohorts of a shadow with what was started and ended of their members.
    async fn charged(
        &self,
        rollout: &StoredRollout,
        places: &ShadowPlaces,
    ) -> Result<Vec<Charge>, Failure> {
        let mut charges: Vec<_> = places
            .cohorts
            .iter()
            .map(|cohort| Charge {
                name: cohort.name.clone(),
                size: cohort.size,
                started: 0,
                ended: 0,
            })
            .collect();
        let key = rollout.key;
        let mut after = None;
        let mut members = places.members.iter();
        loop {
            let page = self
                .look(move |store| {
                    let page = store.targets(key, after, PAGE);
                    Ok(page.context("the targets could not be read")?)
                })
                .await?;
            let Some((last, _)) = page.last() else {
                return Ok(charges);
            };
            after = Some(last.id);
            for ((row, _), cohort) in page.iter().zip(&mut members) {
                if let Some(charge) = charges.get_mut(usize::from(*cohort)) {
                    charge.started += u64::from(row.started_attempts > 0);
                    charge.ended += u64::from(row.state.kind().is_ended());
                }
            }
        }
    }
}

fn not_done(error: ShadowError) -> Failure {
    match &error {
        ShadowError::Refused(
            ShadowConflict::Ended(_)
            | ShadowConflict::InForce(_)
            | ShadowConflict::Already(_)
            | ShadowConflict::Absent(_)
            | ShadowConflict::TooMany
            | ShadowConflict::TargetsMoved(_),
        ) => Diagnostic::error(error.to_string())
            .help("the rollout moved meanwhile: give the order again")
            .into(),
        ShadowError::Refused(ShadowConflict::Storage(_))
        | ShadowError::NotRunning
        | ShadowError::Gone => anyhow::Error::new(error)
            .context("nothing was put in shadow or taken out")
            .into(),
    }
}

fn refuse_over(rollout: &StoredRollout) -> Result<(), Diagnostic> {
    use windlass_model::RolloutState;
    let ended = match rollout.state {
        RolloutState::Draft
        | RolloutState::Running
        | RolloutState::Holding
        | RolloutState::Paused => return Ok(()),
        RolloutState::Aborting => "is being aborted",
        RolloutState::Aborted => "was aborted",
        RolloutState::Completed => "has completed",
    };
    let name = &rollout.plan.name;
    Err(Diagnostic::error(format!(
        "the rollout `{name}` {ended}; nothing is decided in it any more"
    ))
    .help(format!(
        "`windlass shadow report --rollout {name}` shows what policies in shadow said"
    )))
}

fn refuse(
    config: &Config,
    span: crate::diagnostic::Span,
    rollout: &StoredRollout,
    known: &[StoredShadow],
    policy: &PluginName,
) -> Result<(), Diagnostic> {
    refuse_over(rollout)?;
    let shown = quote(policy.as_str());
    let of = &rollout.plan.name;
    if rollout.plan.policies.iter().any(|pin| pin.name == *policy) {
        return Err(config
            .error_at(
                span,
                format!("the policy {shown} is in force in `{of}`, and cannot be in shadow"),
            )
            .help("add a plugin of another name with other settings, and put that in shadow"));
    }
    // One that could not place the targets is not asked: it may be tried again.
    let asked = || known.iter().filter(|one| one.ended.is_none());
    let placed = || asked().filter(|one| !one.cohorts.is_empty());
    if placed().any(|one| one.pin.name == *policy) {
        return Err(config
            .error_at(
                span,
                format!("the policy {shown} is in shadow of `{of}` already"),
            )
            .help(format!(
                "`windlass shadow remove {policy}` takes it out, so that it can be put there with \
                 other settings"
            )));
    }
    let others = asked().filter(|one| one.pin.name != *policy);
    if others.count() >= windlass_model::SHADOWS_MAX {
        let names: Vec<_> = asked().map(|one| quote(one.pin.name.as_str())).collect();
        return Err(Diagnostic::error(ShadowConflict::TooMany.to_string())
            .note(format!("those of `{of}` are {}", names.join(", ")))
            .help("`windlass shadow remove` takes one out"));
    }
    Ok(())
}

fn absent(rollout: &StoredRollout, known: &[StoredShadow], policy: &PluginName) -> Diagnostic {
    let error = Diagnostic::error(format!(
        "no policy {} is in shadow of `{}`",
        quote(policy.as_str()),
        rollout.plan.name
    ));
    let asked = known.iter().filter(|one| one.ended.is_none());
    let names: Vec<_> = asked.map(|one| one.pin.name.as_str()).collect();
    match nearest(policy.as_str(), names.iter().copied()) {
        Some(meant) => error.help(format!("did you mean {}?", quote(meant))),
        None if names.is_empty() => error.note("there is none in shadow"),
        None => {
            let names: Vec<_> = names.into_iter().map(quote).collect();
            error.note(format!("those in shadow are {}", names.join(", ")))
        }
    }
}

impl Owner {
    /// Puts those in shadow that the configuration lists, takes those out that it lists no longer,
    /// and opens those that a person put there. Whatever goes wrong is a warning: a rollout does
    /// not depend on its shadows.
    pub(super) async fn settle_shadows(
        &self,
        key: RolloutKey,
        parts: &mut Parts,
        config: &Config,
        host: &Host,
    ) -> Result<Diagnostics, Failure> {
        let listed = std::mem::take(&mut parts.shadows);
        let (rollout, known) = self
            .kept(move |store| Ok((store.rollout_by_key(key)?, store.shadows(key)?)))
            .await?;
        let mut warnings = Diagnostics::new();
        if has_ended(&rollout) || rollout.state == windlass_model::RolloutState::Aborting {
            return Ok(warnings);
        }
        let asked = || known.iter().filter(|one| one.ended.is_none());
        for shadow in asked() {
            let name = &shadow.pin.name;
            let in_force = rollout.plan.policies.iter().any(|pin| pin.name == *name);
            let same = listed.iter().any(|part| part.pin == shadow.pin);
            let named = listed.iter().any(|part| part.pin.name == *name);
            let because = match shadow.origin {
                _ if in_force => ShadowEnd::InForce,
                _ if named && !same => ShadowEnd::Configuration,
                ShadowOrigin::Configuration if !same => ShadowEnd::Configuration,
                ShadowOrigin::Configuration => continue,
                ShadowOrigin::Person => {
                    if !same {
                        let opened = self.open_kept(shadow, config, host, parts).await?;
                        parts.shadows.extend(opened);
                    }
                    continue;
                }
            };
            let what = ShadowDeed::Remove {
                name: name.clone(),
                because,
            };
            self.order_shadow(key, what, &mut warnings).await;
        }
        for part in listed {
            if self.is_to_be_placed(&rollout, &known, &part) {
                let now = self.clock.now().wall;
                let placed = planning::place_shadow(&self.store, &rollout, &part, now).await;
                let placed = placed.map_err(|error| with_causes(&error));
                if let Err(why) = &placed {
                    warnings.push(unplaced(config, &part.pin.name, why));
                }
                let what = ShadowDeed::Add(NewShadow {
                    pin: part.pin.clone(),
                    origin: ShadowOrigin::Configuration,
                    placed,
                });
                self.order_shadow(key, what, &mut warnings).await;
            }
            parts.shadows.push(part);
        }
        Ok(warnings)
    }

    /// One that a person took out stays out, until it is given another component or other
    /// settings.
    fn is_to_be_placed(
        &self,
        rollout: &StoredRollout,
        known: &[StoredShadow],
        part: &PolicyPart,
    ) -> bool {
        let in_force = rollout
            .plan
            .policies
            .iter()
            .any(|pin| pin.name == part.pin.name);
        let last = known.iter().rev().find(|one| one.pin == part.pin);
        let settled = last.is_some_and(|last| match last.ended {
            None => !last.cohorts.is_empty(),
            Some((_, ShadowEnd::Person)) => true,
            Some((_, ShadowEnd::Configuration | ShadowEnd::InForce)) => false,
        });
        !in_force && !settled
    }

    async fn order_shadow(&self, key: RolloutKey, what: ShadowDeed, warnings: &mut Diagnostics) {
        let order = Arc::new(ShadowOrder {
            actor: String::new(),
            reason: String::new(),
            what,
        });
        if let Err(error) = shadow_at_rest(&self.store, key, order, self.clock.now()).await {
            warnings.push(Diagnostic::warning(format!(
                "a policy was not put in shadow or taken out: {}",
                with_causes(&error)
            )));
        }
    }

    /// Opens a shadow that a person put there, from what the state file keeps.
    async fn open_kept(
        &self,
        shadow: &StoredShadow,
        config: &Config,
        host: &Host,
        parts: &mut Parts,
    ) -> Result<Option<PolicyPart>, Failure> {
        let pin = shadow.pin.clone();
        let kept = self
            .kept(move |store| {
                Ok((
                    store.component(&pin.component)?,
                    store.settings(&pin.settings)?,
                ))
            })
            .await?;
        let (Some(bytes), Some(settings)) = kept else {
            return Ok(None);
        };
        let pin = shadow.pin.clone();
        match setup::open_kept_policy(host, &pin, bytes, &settings).await {
            Ok(policy) => {
                for signal in policy.signals() {
                    let known = parts.signals.iter().any(|source| source.name == *signal);
                    let section = config.signals.get(signal).filter(|_| !known);
                    parts
                        .signals
                        .extend(section.map(|one| Arc::clone(&one.source)));
                }
                Ok(Some(PolicyPart { pin, policy }))
            }
            // Its calls fail, and that is told.
            Err(problem) => {
                problem.emit();
                Ok(None)
            }
        }
    }

    async fn kept<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        Ok(self
            .store
            .run(read)
            .await
            .context("the state file failed")?
            .context("the policies in shadow could not be read")?)
    }
}

fn unplaced(config: &Config, name: &PluginName, why: &str) -> Diagnostic {
    let listed = config.rollout.shadows.iter().find(|one| one.value == *name);
    let span = listed.map(|one| one.span).unwrap_or_default();
    config
        .warning_at(
            span,
            format!(
                "the policy {} cannot be in shadow yet",
                quote(name.as_str())
            ),
        )
        .note(clean(why))
        .help(
            "the rollout runs without it; the next run asks it again, and `windlass shadow add` \
             does at once",
        )
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

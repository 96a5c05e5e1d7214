//! Other policies for a rollout under way.

use std::sync::Arc;

use anyhow::Context as _;
use windlass_host::{Host, PluginErrorKind};
use windlass_model::{Inheritance, PluginPin, PolicySwap, RolloutKey, RolloutState, StoredRollout};
use windlass_runtime::{
    FurtherPolicies, PolicyPart, SwapError, planning, planning::Anew, swap_at_rest,
};
use windlass_store::{StoreError, StoreHandle, SwapConflict};

use super::{berths::Purpose, execute::Hand, execute::LOOK_AGAIN, find, shift};
use crate::{
    command::Failure,
    config::{Config, Overrides},
    control::{Done, MemoFate, SwapErrand, SwapFate, Swapped},
    diagnostic::{Diagnostic, clean},
    setup::{self, OpenedPolicies},
};

/// Swaps prepared again because the rollout grew or decided meanwhile. It decides once a second
/// as a rule, and memos are read and handed over in milliseconds.
const TRIES: u32 = 10;

/// Prepared in full: what is to be done, and what is to be said of it.
struct Prepared {
    swap: PolicySwap,
    swapped: Swapped,
}

impl Hand<'_> {
    /// Puts the policies of a configuration in force in a rollout, or says what that would
    /// change.
    pub(super) async fn swap_policies(&self, errand: SwapErrand) -> Result<Done, Failure> {
        let path = match self.owner {
            Some(_) => errand.directory.join(&errand.config),
            None => errand.config.clone(),
        };
        let (config, _) = setup::read_config(&path, &Overrides::default())?;
        let host = match self.owner {
            Some(owner) => Arc::clone(&owner.host),
            None => Arc::new(setup::host_beside(&config)?),
        };
        let opened = setup::open_policies(&config, &host).await?;
        let name = errand
            .rollout
            .clone()
            .unwrap_or_else(|| config.rollout.name.value.clone());
        let mut tries = 0;
        loop {
            tries += 1;
            let name = name.clone();
            let rollout = self
                .look(move |store| find::rollout_meant(store, Some(&name)))
                .await?;
            refuse(&config, &rollout, &opened)?;
            let placed =
                planning::place_anew(self.store, &rollout, &opened.policies, self.now.wall)
                    .await
                    .map_err(setup::plan_diagnostic)?;
            let Prepared { swap, mut swapped } = self
                .prepare(&config, &rollout, &opened, &errand, placed)
                .await?;
            if errand.dry_run {
                return Ok(Done::PoliciesSwapped(Box::new(swapped)));
            }
            self.keep(&opened).await?;
            match self.put_in_force(&rollout, swap, &opened).await? {
                Ok(fate) => {
                    swapped.fate = fate;
                    return Ok(Done::PoliciesSwapped(Box::new(swapped)));
                }
                Err(_) if tries < TRIES => {}
                Err(conflict) => {
                    return Err(anyhow::Error::new(conflict)
                        .context("the policies were not swapped; give the order again")
                        .into());
                }
            }
        }
    }

    async fn prepare(
        &self,
        config: &Config,
        rollout: &StoredRollout,
        opened: &OpenedPolicies,
        errand: &SwapErrand,
        placed: Anew,
    ) -> Result<Prepared, Failure> {
        let key = rollout.key;
        let before = &rollout.plan.policies;
        let pins = before.clone();
        let (kept, (decided, memos), void) = self
            .look(move |store| {
                let read = || -> Result<_, StoreError> {
                    let kept = pins.iter().map(|pin| store.settings(&pin.settings));
                    let kept = kept.collect::<Result<Vec<_>, _>>()?;
                    Ok((kept, store.memos(key)?, store.consents(key)?))
                };
                Ok(read().context("the rollout could not be read")?)
            })
            .await?;
        let mut inherited = Vec::with_capacity(opened.policies.len());
        let mut fates = Vec::with_capacity(opened.policies.len());
        for (place, part) in opened.policies.iter().enumerate() {
            let ancestor = shift::ancestor(before, &opened.pins(), place);
            let memo = ancestor.and_then(|at| memos.get(at));
            let (memo, fate) = match (ancestor.and_then(|at| before.get(at)), memo) {
                (Some(pin), Some(_)) if *pin == part.pin => (Inheritance::Kept, MemoFate::Nothing),
                (Some(pin), Some(memo)) if !memo.is_empty() => {
                    self.hand_over(config, (pin, memo), (place, part), errand)
                        .await?
                }
                (Some(_) | None, _) => (Inheritance::Given(Vec::new()), MemoFate::Nothing),
            };
            inherited.push(memo);
            fates.push(fate);
        }
        let after = opened.pins();
        let swapped = Swapped {
            rollout: rollout.plan.name.clone(),
            fate: SwapFate::DryRun,
            policies: shift::shifts((before, &kept), (&after, &opened.settings), fates),
            before: placed.before,
            after: placed.after,
            moved: placed.moves.len() as u64,
            void,
            paused: rollout.state == RolloutState::Paused,
        };
        let swap = PolicySwap {
            actor: self.who.actor.clone(),
            reason: self.who.reason.clone(),
            replaces: before.clone(),
            policies: after,
            decided,
            memos: inherited,
            cohorts: placed.cohorts,
            moves: placed.moves,
        };
        Ok(Prepared { swap, swapped })
    }

    /// Offers the memo of a policy to the one that takes its place.
    async fn hand_over(
        &self,
        config: &Config,
        (from, memo): (&PluginPin, &[u8]),
        (place, to): (usize, &PolicyPart),
        errand: &SwapErrand,
    ) -> Result<(Inheritance, MemoFate), Failure> {
        if errand.restart_memo {
            return Ok((Inheritance::Given(Vec::new()), MemoFate::Restart));
        }
        let name = from.name.clone();
        match to
            .policy
            .migrate(from.component.to_string(), memo.to_vec())
            .await
        {
            Ok(memo) => Ok((Inheritance::Given(memo), MemoFate::Policy { name })),
            Err(error) => {
                let span = config
                    .rollout
                    .policies
                    .get(place)
                    .map(|policy| policy.span)
                    .unwrap_or_default();
                let what = format!(
                    "the policy `{}` does not take over what `{name}` noted",
                    to.pin.name
                );
                let why = match &error.kind {
                    PluginErrorKind::Declined(text) => clean(text),
                    _ => clean(&error.summary()),
                };
                Err(config
                    .error_at(span, what)
                    .note(why)
                    .help("add --restart-memo to have it begin with nothing noted")
                    .into())
            }
        }
    }

    /// Decisions cite components and settings, and a later process must find those to go back
    /// to.
    pub(super) async fn keep(&self, opened: &OpenedPolicies) -> Result<(), Failure> {
        let components: Vec<_> = opened
            .components
            .iter()
            .map(|loaded| (loaded.plugin.digest(), loaded.bytes.clone()))
            .collect();
        let settings: Vec<_> = opened
            .policies
            .iter()
            .map(|part| part.pin.settings)
            .zip(opened.settings.iter().map(|settings| settings.to_string()))
            .collect();
        self.look(move |store| {
            for (digest, bytes) in &components {
                store
                    .put_component(digest, bytes)
                    .context("a plugin's component could not be kept")?;
            }
            for (digest, json) in &settings {
                store
                    .put_settings(digest, json)
                    .context("a policy's settings could not be kept")?;
            }
            Ok(())
        })
        .await
    }

    /// The inner error says that the rollout moved meanwhile.
    async fn put_in_force(
        &self,
        rollout: &StoredRollout,
        swap: PolicySwap,
        opened: &OpenedPolicies,
    ) -> Result<Result<SwapFate, SwapConflict>, Failure> {
        let swap = Arc::new(swap);
        let mut berth = None;
        while let Some(owner) = self.owner {
            let further = FurtherPolicies {
                policies: opened.policies.clone(),
                signals: opened.signals.clone(),
            };
            let told = owner.helm.swap(rollout.key, Arc::clone(&swap), further);
            match told.await {
                Err(SwapError::NotRunning) => {}
                told => return fate(told, SwapFate::Driven, rollout.key),
            }
            berth = owner.berths.take(&rollout.plan.name, Purpose::Order).await;
            if berth.is_some() {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let told = swap_at_rest(self.store, rollout.key, swap, self.now).await;
        drop(berth);
        fate(told, SwapFate::AtRest, rollout.key)
    }
}

fn fate(
    told: Result<(), SwapError>,
    fate: SwapFate,
    key: RolloutKey,
) -> Result<Result<SwapFate, SwapConflict>, Failure> {
    match told {
        Ok(()) => Ok(Ok(fate)),
        Err(SwapError::Refused(
            conflict @ (SwapConflict::Decided(_)
            | SwapConflict::TargetsMoved(_)
            | SwapConflict::PoliciesMoved(_)
            | SwapConflict::Ended(_)),
        )) => Ok(Err(conflict)),
        // It is at rest or gone by now; the next try finds out.
        Err(SwapError::NotRunning) => Ok(Err(SwapConflict::PoliciesMoved(key))),
        Err(error @ (SwapError::Refused(_) | SwapError::Gone)) => Err(anyhow::Error::new(error)
            .context("the policies were not swapped")
            .into()),
    }
}

fn refuse(
    config: &Config,
    rollout: &StoredRollout,
    opened: &OpenedPolicies,
) -> Result<(), Failure> {
    let name = &rollout.plan.name;
    let ended = match rollout.state {
        RolloutState::Draft
        | RolloutState::Running
        | RolloutState::Holding
        | RolloutState::Paused => None,
        RolloutState::Aborting => Some("is being aborted"),
        RolloutState::Aborted => Some("was aborted"),
        RolloutState::Completed => Some("has completed"),
    };
    if let Some(ended) = ended {
        return Err(Diagnostic::error(format!(
            "the rollout `{name}` {ended}; its policies cannot be swapped"
        ))
        .into());
    }
    if opened.pins() == rollout.plan.policies {
        let span = config
            .rollout
            .policies
            .first()
            .map(|policy| policy.span)
            .unwrap_or_default();
        return Err(config
            .error_at(
                span,
                format!("these are the policies that the rollout `{name}` has already"),
            )
            .help("change [rollout] policies, or a policy's component or settings, then swap")
            .into());
    }
    Ok(())
}

/// The policies that a rollout goes back to if those in force are on probation and fail, as far
/// as the state file keeps them and they still open.
pub(super) async fn policies_before(
    store: &StoreHandle,
    host: &Host,
    key: RolloutKey,
) -> Result<Vec<PolicyPart>, Failure> {
    let kept = store
        .run(move |store| {
            let Some(probation) = store.probation(key)? else {
                return Ok(Vec::new());
            };
            let mut kept = Vec::new();
            for pin in probation.before {
                let component = store.component(&pin.component)?;
                let settings = store.settings(&pin.settings)?;
                kept.extend(component.zip(settings).map(|found| (pin, found)));
            }
            Ok::<_, StoreError>(kept)
        })
        .await
        .context("the state file failed")?
        .context("the policies before the last swap could not be read")?;
    let mut parts = Vec::new();
    for (pin, (bytes, settings)) in kept {
        match setup::open_kept_policy(host, &pin, bytes, &settings).await {
            Ok(policy) => parts.push(PolicyPart { pin, policy }),
            // Without it the rollout holds, should it come to that.
            Err(problem) => problem.emit(),
        }
    }
    Ok(parts)
}

use std::time::Duration;

use anyhow::Context as _;
use windlass_core::{Now, Refusal};
use windlass_model::{
    DeviceId, Hold, HoldKind, HoldSubject, Order, RolloutKey, RolloutName, RolloutState, Steering,
    StoredRollout, Timestamp,
};
use windlass_runtime::{AtRestError, SteerError, steer_at_rest};
use windlass_store::{DeadLetter, Store, StoreHandle};

use super::{Owner, berths::Purpose, find};
use crate::{
    command::Failure,
    control::{Chore, Done, Fate, Imported, Which},
    diagnostic::{Diagnostic, clean, nearest, quote},
    setup,
};

/// Dead letters dealt with by one order: what a transaction and an event hold with ease.
const LETTERS_MAX: usize = 10_000;

/// Between two looks at a rollout that is just being taken up or given up.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Who asks, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Who.
    pub actor: String,
    /// Why; may be empty.
    pub reason: String,
}

impl Who {
    fn order(&self, what: Steering) -> Order {
        Order {
            actor: self.actor.clone(),
            reason: self.reason.clone(),
            what,
        }
    }
}

/// Carries a chore out, durably: for the owner of the state file, or for a command that has
/// its lock because there is none.
///
/// # Errors
/// [`Failure::Input`] if the chore does not fit; nothing was touched then.
pub async fn execute(
    chore: Chore,
    who: &Who,
    store: &StoreHandle,
    owner: Option<&Owner>,
    now: Now,
) -> Result<Done, Failure> {
    let hand = Hand {
        who,
        store,
        owner,
        now,
    };
    match chore {
        Chore::Steer { rollout, order } => hand.steer(rollout, order).await,
        Chore::SwapPolicies(errand) => hand.swap_policies(errand).await,
        Chore::Shadow(errand) => hand.shadow(errand).await,
        Chore::DeadLetters {
            rollout,
            which,
            fate,
        } => hand.dead_letters(rollout, which, fate).await,
        Chore::PlaceHold {
            subject,
            kind,
            until,
        } => hand.place_hold(subject, kind, until).await,
        Chore::LiftHold { subject } => hand.lift_hold(subject).await,
        Chore::Forgive { release, version } => hand.forgive(release, version).await,
        Chore::Import { file } => hand.import(&file).await,
        Chore::Decommission { device, undo } => hand.decommission(device, undo).await,
    }
}

/// What chores are carried out with.
pub(super) struct Hand<'a> {
    pub(super) who: &'a Who,
    pub(super) store: &'a StoreHandle,
    pub(super) owner: Option<&'a Owner>,
    pub(super) now: Now,
}

impl Hand<'_> {
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Store) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.store
            .run(look)
            .await
            .context("the state file failed")?
    }

    async fn steer(&self, name: Option<RolloutName>, order: Steering) -> Result<Done, Failure> {
        let wanted = order.clone();
        let rollout = self
            .look(move |store| {
                let rollout = find::rollout_meant(store, name.as_ref())?;
                if wanted == Steering::Resume {
                    // Design §7.6: nothing starts it again until a person forgives it.
                    let release = store
                        .release(rollout.plan.release)
                        .context("the release could not be read")?;
                    find::refuse_condemned(store, &release)?;
                }
                for device in wanted.devices() {
                    find::target(store, &rollout, &device)?;
                }
                Ok(rollout)
            })
            .await?;
        let driven = self.give(&rollout, order.clone()).await?;
        let key = rollout.key;
        let state = self.look(move |store| state_of(store, key)).await?;
        Ok(Done::Steered {
            rollout: rollout.plan.name,
            order,
            state,
            driven,
        })
    }

    /// Gives an order to a rollout, driven or at rest; whether it is driven.
    async fn give(&self, rollout: &StoredRollout, order: Steering) -> Result<bool, Failure> {
        let name = &rollout.plan.name;
        let order = self.who.order(order);
        let refused = |refusal: &Refusal| {
            let error = Diagnostic::error(format!("`{name}` does not take this order"))
                .note(clean(&refusal.to_string()));
            Failure::from(match meant(refusal) {
                Some(meant) => error.help(format!("did you mean {}?", quote(meant))),
                None => error,
            })
        };
        let mut berth = None;
        while let Some(owner) = self.owner {
            match owner.helm.steer(rollout.key, order.clone()).await {
                Ok(()) => return Ok(true),
                Err(SteerError::Refused(refusal)) => return Err(refused(&refusal)),
                Err(SteerError::NotRunning) => {}
                Err(error) => {
                    return Err(anyhow::Error::new(error)
                        .context("the order was not carried out")
                        .into());
                }
            }
            berth = owner.berths.take(name, Purpose::Order).await;
            if berth.is_some() {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let given = steer_at_rest(self.store, rollout.key, order, self.now).await;
        drop(berth);
        match given {
            Ok(()) => Ok(false),
            Err(AtRestError::Refused(refusal)) => Err(refused(&refusal)),
            Err(error) => Err(anyhow::Error::new(error)
                .context("the order was not carried out")
                .into()),
        }
    }

    async fn dead_letters(
        &self,
        name: Option<RolloutName>,
        which: Which,
        fate: Fate,
    ) -> Result<Done, Failure> {
        let mut devices = 0;
        let mut rollouts: Vec<RolloutName> = Vec::new();
        let mut all_driven = true;
        loop {
            let (name, wanted) = (name.clone(), which.clone());
            let (orders, more) = self
                .look(move |store| {
                    let rollout = match &name {
                        Some(name) => Some(find::rollout_meant(store, Some(name))?.key),
                        None => None,
                    };
                    let letters = chosen(store, rollout, &wanted)?;
                    let more = matches!(wanted, Which::All { .. }) && letters.len() == LETTERS_MAX;
                    Ok((by_rollout(store, letters)?, more))
                })
                .await?;
            for (rollout, letters) in orders {
                devices += letters.len() as u64;
                let order = match fate {
                    Fate::Requeue => Steering::Requeue { devices: letters },
                    Fate::Dismiss => Steering::Dismiss { devices: letters },
                };
                all_driven &= self.give(&rollout, order).await?;
                if rollouts.last() != Some(&rollout.plan.name) {
                    rollouts.push(rollout.plan.name);
                }
            }
            if !more {
                break;
            }
        }
        Ok(Done::DeadLetters {
            fate,
            devices,
            rollouts,
            driven: all_driven,
        })
    }

    async fn place_hold(
        &self,
        subject: HoldSubject,
        kind: HoldKind,
        until: Option<Timestamp>,
    ) -> Result<Done, Failure> {
        let hold = Hold {
            subject,
            kind,
            until,
            actor: self.who.actor.clone(),
            reason: self.who.reason.clone(),
            at: self.now.wall,
        };
        let placed = hold.clone();
        self.look(move |store| {
            not_past(placed.until, placed.at)?;
            if let HoldSubject::Device(id) = &placed.subject {
                find::device(store, id)?;
            }
            let placed = store.place_hold(&placed);
            Ok(placed.context("the hold could not be kept")?)
        })
        .await?;
        self.refresh().await;
        Ok(Done::HoldPlaced(hold))
    }

    async fn lift_hold(&self, subject: HoldSubject) -> Result<Done, Failure> {
        let (who, at) = (self.who.clone(), self.now.wall);
        let lifted = subject.clone();
        self.look(move |store| {
            let there = store
                .lift_hold(&lifted, &who.actor, &who.reason, at)
                .context("the hold could not be lifted")?;
            match there {
                true => Ok(()),
                false => Err(no_hold(store, &lifted, at)),
            }
        })
        .await?;
        self.refresh().await;
        Ok(Done::HoldLifted(subject))
    }

    async fn forgive(&self, release: String, version: String) -> Result<Done, Failure> {
        let (who, at) = (self.who.clone(), self.now.wall);
        let (name, wanted) = (release.clone(), version.clone());
        self.look(move |store| {
            let forgiven = store
                .forgive(&name, &wanted, &who.actor, &who.reason, at)
                .context("the release could not be forgiven")?;
            match forgiven {
                true => Ok(()),
                false => Err(not_condemned(store, &name, &wanted)?),
            }
        })
        .await?;
        Ok(Done::Forgiven { release, version })
    }

    async fn import(&self, file: &std::path::Path) -> Result<Done, Failure> {
        let now = self.now.wall;
        let report = setup::import_fleet(self.store, file, setup::Import::Merge, now).await?;
        if let Some(owner) = self.owner {
            owner.registry_changed().await?;
        }
        Ok(Done::Imported(Imported {
            added: report.added,
            changed: report.changed,
            unchanged: report.unchanged,
        }))
    }

    async fn decommission(&self, device: DeviceId, undo: bool) -> Result<Done, Failure> {
        let meant = device.clone();
        self.look(move |store| {
            find::device(store, &meant)?;
            store
                .set_decommissioned(&meant, !undo)
                .context("the registry could not be changed")?;
            Ok(())
        })
        .await?;
        self.refresh().await;
        Ok(if undo {
            Done::Recommissioned(device)
        } else {
            Done::Decommissioned(device)
        })
    }

    async fn refresh(&self) {
        if let Some(owner) = self.owner {
            owner.helm.refresh().await;
        }
    }
}

/// The name that was probably meant, where the order has a wrong one.
fn meant(refusal: &Refusal) -> Option<&str> {
    match refusal {
        Refusal::NoSuchGate { gate, waiting } => nearest(gate, waiting.iter().map(String::as_str)),
        _ => None,
    }
}

fn state_of(store: &Store, key: RolloutKey) -> Result<RolloutState, Failure> {
    let snapshot = store
        .snapshot(key)
        .context("the rollout could not be read")?;
    Ok(snapshot.rollout.state)
}

/// What has lapsed already cannot be meant.
fn not_past(until: Option<Timestamp>, now: Timestamp) -> Result<(), Failure> {
    match until {
        Some(until) if until <= now => Err(Diagnostic::error(format!(
            "{} is in the past",
            crate::render::time(until)
        ))
        .note(format!("it is {} now", crate::render::time(now)))
        .into()),
        Some(_) | None => Ok(()),
    }
}

fn chosen(
    store: &Store,
    rollout: Option<RolloutKey>,
    which: &Which,
) -> Result<Vec<DeadLetter>, Failure> {
    match which {
        Which::All { kind } => {
            let letters = store.dead_letters(rollout, *kind, LETTERS_MAX);
            Ok(letters.context("the dead letters could not be read")?)
        }
        Which::Devices(ids) => {
            let mut letters = Vec::new();
            for id in ids {
                let found = find::letters_of(store, id, rollout)?;
                if found.is_empty() {
                    find::device(store, id)?;
                    let error = format!("the device {} is no dead letter", quote(id.as_str()));
                    let list = find::hint(store, "dead-letters list");
                    return Err(Diagnostic::error(error)
                        .help(format!("see them with {list}"))
                        .into());
                }
                letters.extend(found.into_iter().map(|(letter, _)| letter));
            }
            letters.sort_by_key(|letter| letter.rollout);
            Ok(letters)
        }
    }
}

fn by_rollout(
    store: &Store,
    letters: Vec<DeadLetter>,
) -> Result<Vec<(StoredRollout, Vec<DeviceId>)>, Failure> {
    let mut orders: Vec<(StoredRollout, Vec<DeviceId>)> = Vec::new();
    for letter in letters {
        match orders.last_mut() {
            Some((rollout, devices)) if rollout.key == letter.rollout => {
                devices.push(letter.device);
            }
            Some(_) | None => {
                let rollout = find::rollout_meant(store, Some(&letter.rollout_name))?;
                orders.push((rollout, vec![letter.device]));
            }
        }
    }
    Ok(orders)
}

fn no_hold(store: &Store, subject: &HoldSubject, now: Timestamp) -> Failure {
    let error = Diagnostic::error(format!(
        "there is no hold on {}",
        crate::render::subject_text(subject)
    ));
    let holds = match store.holds(now) {
        Ok(holds) => holds,
        Err(error) => return anyhow::Error::new(error).into(),
    };
    let known: Vec<_> = holds
        .iter()
        .map(|hold| crate::render::subject_name(&hold.subject))
        .collect();
    let wanted = crate::render::subject_name(subject);
    match nearest(&wanted, known.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean {}?", quote(near))).into(),
        None if known.is_empty() => error.note("nothing is held").into(),
        None => error
            .help(format!(
                "see them with {}",
                find::hint(store, "devices holds")
            ))
            .into(),
    }
}

fn not_condemned(store: &Store, name: &str, version: &str) -> Result<Failure, Failure> {
    let condemned = store
        .condemned()
        .context("the releases could not be read")?;
    let known: Vec<_> = condemned
        .iter()
        .map(|(stored, _)| format!("{} {}", stored.release.name, stored.release.version))
        .collect();
    let wanted = format!("{name} {version}");
    let error = Diagnostic::error(format!("the release {} is not condemned", quote(&wanted)));
    Ok(match nearest(&wanted, known.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean {}?", quote(near))).into(),
        None if known.is_empty() => error.note("no release is").into(),
        None => {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            error
                .help(format!("those that are: {}", find::list(&known)))
                .into()
        }
    })
}

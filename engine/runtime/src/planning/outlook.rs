//! What may become of devices, before anything is done about them.

use std::sync::Arc;

use windlass_core::{Gate, admission, admission::Circumstances};
use windlass_host::{PluginError, PolicyCandidate};
use windlass_model::{
    Admission, Assignment, CohortIndex, Device, DeviceKey, Release, RolloutName, RolloutPlan,
    Timestamp,
};
use windlass_store::{CreateConflict, Store};

use crate::{engine::Surroundings, parts::Parts, parts::PolicyPart};

/// An assignment and its device as the registry has it.
pub type Prospect = (Assignment, Arc<Device>);

/// What may become of each device at `now`: its filter, its version, what the policies'
/// admissions say, holds, other rollouts, its connection. `devices` are those of `rows`, with
/// what has been found out about them since.
///
/// # Errors
/// If the filter or a policy fails.
pub async fn judge(
    parts: &Parts,
    rows: &[Prospect],
    devices: &[Arc<Device>],
    around: &Surroundings,
    now: Timestamp,
) -> Result<Vec<Gate>, PluginError> {
    let matches = match &parts.filter {
        Some(part) => part.filter.matches(now, devices).await?,
        None => vec![true; devices.len()],
    };
    let assignments = rows.iter().map(|(row, _)| row);
    let admissions = admissions(&parts.policies, assignments, devices, now).await?;
    let judged = rows.iter().zip(devices).zip(matches).zip(admissions);
    Ok(judged
        .map(|((((row, _), device), matches), admission)| {
            admission::gate(&Circumstances {
                device,
                release: &parts.release,
                settings: &parts.settings,
                matches,
                admission,
                holds: &around.holds,
                rivals: around.rivals_of(row.device),
                driven: &around.driven,
                rollout: around.rollout,
                now,
            })
        })
        .collect())
}

/// What the policies say of each device, combined; `rows` are those of `devices`.
///
/// # Errors
/// If a policy fails.
pub async fn admissions<'a, D>(
    policies: &[PolicyPart],
    rows: impl Iterator<Item = &'a Assignment> + Clone + Send,
    devices: &[D],
    now: Timestamp,
) -> Result<Vec<Admission>, PluginError>
where
    D: Clone + Into<Arc<Device>> + Sync,
{
    let mut admissions: Vec<Vec<Admission>> = vec![Vec::new(); devices.len()];
    for part in policies.iter().filter(|part| part.policy.admits()) {
        let pairs = rows.clone().zip(devices);
        let candidates: Vec<_> = pairs
            .map(|(row, device)| candidate(row, device.clone().into()))
            .collect();
        let answers = part.policy.admit(now, &candidates).await?;
        for (all, answer) in admissions.iter_mut().zip(answers) {
            all.push(answer);
        }
    }
    Ok(admissions.into_iter().map(admission::combine).collect())
}

/// The rows that `targets` would have if their rollout began at `now`, with their devices and
/// what else their gates must know. `store` is a copy that nobody keeps: the rollout is made in
/// it.
///
/// # Errors
/// If the store cannot be read, or refuses the rollout.
pub fn prospects(
    store: &mut Store,
    plan: RolloutPlan,
    release: &Release,
    targets: &[(DeviceKey, CohortIndex)],
    now: Timestamp,
) -> Result<(Vec<Prospect>, Surroundings), CreateConflict> {
    let itself = store.rollout(&plan.name)?.map(|known| known.key);
    let mut cohorts = plan.cohorts.clone();
    for (index, cohort) in (0..).map(CohortIndex).zip(&mut cohorts) {
        cohort.size = targets.iter().filter(|(_, of)| *of == index).count() as u64;
    }
    let plan = RolloutPlan {
        name: RolloutName::new(format!("{} (planned)", plan.name)),
        release: store.put_release(release, now)?,
        cohorts,
        ..plan
    };
    let key = store.create_rollout(&plan, &mut targets.iter().copied(), now)?;
    let keys: Vec<_> = targets.iter().map(|(key, _)| *key).collect();
    let mut rivals = store.rivals(key, &keys)?;
    rivals.retain(|rival| Some(rival.rollout) != itself);
    // Whoever plans supposes that each rollout is run.
    let driven = rivals.iter().map(|rival| rival.rollout).collect();
    let around = Surroundings::new(key, store.holds(now)?, rivals, driven);
    let mut rows = Vec::with_capacity(targets.len());
    for index in (0..).map(CohortIndex).take(plan.cohorts.len()) {
        rows.extend(store.pending(key, index, None, targets.len())?);
    }
    let rows = rows
        .into_iter()
        .map(|(row, device)| (row, Arc::new(device)));
    Ok((rows.collect(), around))
}

fn candidate(row: &Assignment, device: Arc<Device>) -> PolicyCandidate {
    PolicyCandidate {
        device,
        cohort: row.cohort,
        attempts: row.counted_attempts,
        last_failure: row.last_failure,
        first_seen: None,
    }
}

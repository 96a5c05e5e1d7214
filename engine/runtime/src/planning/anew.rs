use serde::{Deserialize, Serialize};
use windlass_core::placement::Placer;
use windlass_model::{
    Assignment, AssignmentId, Cohort, CohortIndex, DeviceKey, ShadowPlaces, StoredRollout,
    Timestamp,
};
use windlass_store::StoreHandle;

use super::{PAGE, PlanError, targets};
use crate::parts::PolicyPart;

/// A cohort with what has happened in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Its name.
    pub name: String,
    /// Its devices.
    pub size: u64,
    /// Those whose first attempt was started.
    pub started: u64,
    /// Those whose assignment ended.
    pub ended: u64,
}

/// Where the targets of a rollout under way stand by other policies.
#[derive(Clone, Debug)]
pub struct Anew {
    /// The cohorts that they cut.
    pub cohorts: Vec<Cohort>,
    /// The assignments that would be in another cohort, by ascending id.
    pub moves: Vec<(AssignmentId, CohortIndex)>,
    /// The cohorts as they are.
    pub before: Vec<Charge>,
    /// And as they would be, charged with what was started.
    pub after: Vec<Charge>,
}

/// What must be known of a target to move it.
struct Target {
    device: DeviceKey,
    id: AssignmentId,
    cohort: CohortIndex,
    started: bool,
    ended: bool,
}

impl Target {
    fn new(row: &Assignment) -> Self {
        Self {
            device: row.device,
            id: row.id,
            cohort: row.cohort,
            started: row.started_attempts > 0,
            ended: row.state.kind().is_ended(),
        }
    }
}

/// Places every target of a rollout as `policies` would have at its start: ranked and cut by
/// the first of them, whatever has become of the device since. Nothing is written.
///
/// # Errors
/// If the state file or the policy fails.
pub async fn place_anew(
    store: &StoreHandle,
    rollout: &StoredRollout,
    policies: &[PolicyPart],
    now: Timestamp,
) -> Result<Anew, PlanError> {
    let Placed {
        mut members,
        placed,
        cohorts,
    } = place(store, rollout, policies, now).await?;
    let before = charges(&rollout.plan.cohorts, &members);
    let moves = rehouse(&mut members, placed);
    let after = charges(&cohorts, &members);
    Ok(Anew {
        cohorts,
        moves,
        before,
        after,
    })
}

/// Places every target of a rollout as a policy in shadow would have at its start. Nothing is
/// written.
///
/// # Errors
/// If the state file or the policy fails.
pub async fn place_shadow(
    store: &StoreHandle,
    rollout: &StoredRollout,
    policy: &PolicyPart,
    now: Timestamp,
) -> Result<ShadowPlaces, PlanError> {
    let policies = std::slice::from_ref(policy);
    let Placed {
        mut members,
        placed,
        cohorts,
    } = place(store, rollout, policies, now).await?;
    rehouse(&mut members, placed);
    members.sort_unstable_by_key(|member| member.id);
    // More cohorts than that do not fit what the store is told, and it says so.
    let narrow = |member: &Target| u16::try_from(member.cohort.0).unwrap_or(u16::MAX);
    Ok(ShadowPlaces {
        members: members.iter().map(narrow).collect(),
        cohorts,
    })
}

/// The targets of a rollout as they are, and as policies place them.
struct Placed {
    members: Vec<Target>,
    placed: Vec<(DeviceKey, CohortIndex)>,
    cohorts: Vec<Cohort>,
}

async fn place(
    store: &StoreHandle,
    rollout: &StoredRollout,
    policies: &[PolicyPart],
    now: Timestamp,
) -> Result<Placed, PlanError> {
    let plan = &rollout.plan;
    let mut placer = Placer::new(plan.settings.seed, plan.name.clone());
    let mut members = Vec::new();
    let mut after = None;
    loop {
        let key = rollout.key;
        let page = store
            .run(move |store| store.targets(key, after, PAGE))
            .await??;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        let (rows, devices): (Vec<_>, Vec<_>) = page.into_iter().unzip();
        let placements = targets::placements(policies, &devices, now).await?;
        for ((row, device), placement) in rows.iter().zip(&devices).zip(placements) {
            placer.add(row.device, &device.id, placement);
            members.push(Target::new(row));
        }
    }
    let (placed, cohorts) = targets::cut(policies, placer).await?;
    Ok(Placed {
        members,
        placed,
        cohorts,
    })
}

/// Gives each target the cohort in which it was placed. Those that moved.
fn rehouse(
    members: &mut [Target],
    mut placed: Vec<(DeviceKey, CohortIndex)>,
) -> Vec<(AssignmentId, CohortIndex)> {
    placed.sort_unstable();
    members.sort_unstable_by_key(|member| member.device);
    let mut moves = Vec::new();
    // A device is a target once, so both list the same devices.
    for (member, (_, cohort)) in members.iter_mut().zip(placed) {
        if member.cohort != cohort {
            member.cohort = cohort;
            moves.push((member.id, cohort));
        }
    }
    moves.sort_unstable();
    moves
}

fn charges(cohorts: &[Cohort], members: &[Target]) -> Vec<Charge> {
    let mut charges: Vec<_> = cohorts
        .iter()
        .map(|cohort| Charge {
            name: cohort.name.clone(),
            size: 0,
            started: 0,
            ended: 0,
        })
        .collect();
    for member in members {
        if let Some(charge) = charges.get_mut(member.cohort.0 as usize) {
            charge.size += 1;
            charge.started += u64::from(member.started);
            charge.ended += u64::from(member.ended);
        }
    }
    charges
}

//! Which rollouts of an engine come to no end by themselves. Each may wait for others, and
//! these for others again, in a circle too.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use windlass_model::RolloutKey;

use crate::{Behind, STORE_LAG, Standing};

/// Those of an engine's rollouts that only a person, a gate or a device moves on, given what
/// each is doing and when it [moved last](crate::Rollout::moved_at).
///
/// One that stands behind others is not among them before it has looked once more at its
/// devices after these moved.
pub fn stuck(rollouts: &BTreeMap<RolloutKey, (Standing, Duration)>) -> BTreeSet<RolloutKey> {
    let mut stuck: BTreeSet<RolloutKey> = rollouts
        .iter()
        .filter(|(_, (standing, _))| match standing {
            Standing::Behind(_) | Standing::Blocked(_) => true,
            Standing::Working | Standing::WaitingUntil(..) | Standing::Ended(_) => false,
        })
        .map(|(key, _)| *key)
        .collect();
    loop {
        let mut released = Vec::new();
        for key in &stuck {
            if let Some((Standing::Behind(behind), _)) = rollouts.get(key)
                && goes_on(behind, rollouts, &stuck)
            {
                released.push(*key);
            }
        }
        if released.is_empty() {
            return stuck;
        }
        for key in released {
            stuck.remove(&key);
        }
    }
}

fn goes_on(
    behind: &Behind,
    rollouts: &BTreeMap<RolloutKey, (Standing, Duration)>,
    stuck: &BTreeSet<RolloutKey>,
) -> bool {
    behind.rollouts.iter().any(|key| {
        // One that is gone is found so by the next look.
        rollouts.get(key).is_none_or(|(standing, moved_at)| {
            let is_seen = *moved_at + STORE_LAG < behind.as_of;
            let has_ended = matches!(standing, Standing::Ended(_));
            !is_seen || !has_ended && !stuck.contains(key)
        })
    })
}

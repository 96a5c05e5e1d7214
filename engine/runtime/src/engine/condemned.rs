use std::sync::Arc;

use windlass_core::{Now, Resources, Rollout};
use windlass_model::{Change, ChangeSet, Order, Steering};

use super::{Engine, Executor};
use crate::clock::Clock;

/// Who pauses a rollout, if no person does.
const ACTOR: &str = "windlass";

impl<C: Clock, E: Executor> Engine<C, E> {
    /// Pauses the other rollouts of a release that one of `sets` condemns: nothing starts it
    /// again until a person forgives it (design §7.6). Whether there is something to persist.
    pub(super) fn pause_condemned(&mut self, sets: &[Arc<ChangeSet>]) -> bool {
        let now = self.clock.now();
        let mut paused = false;
        for set in sets {
            let why = set.changes.iter().find_map(|change| match change {
                Change::Condemned { reason, .. } => Some(reason),
                _ => None,
            });
            let (Some(why), Some(condemning)) = (why, self.running.get(&set.rollout)) else {
                continue;
            };
            let release = condemning.rollout.release();
            for (key, running) in &mut self.running {
                if *key == set.rollout || running.rollout.release() != release {
                    continue;
                }
                paused |= pause(&mut running.rollout, why, now, &mut self.resources);
            }
        }
        paused
    }
}

/// Pauses a rollout whose release is condemned. Whether something changed: one that is paused
/// or over starts nothing anyway.
pub(super) fn pause(rollout: &mut Rollout, why: &str, now: Now, resources: &mut Resources) -> bool {
    let order = Order {
        actor: ACTOR.to_owned(),
        reason: format!("its release is condemned: {why}"),
        what: Steering::Pause,
    };
    rollout.steer(now, order, Vec::new(), resources).is_ok()
}

//! What the log of a story must say, by a model of a page: who started when, and how it ended.

use std::collections::{BTreeMap, BTreeSet};

use windlass_model::{DeviceId, EventKind, LoggedEvent, RolloutKey, StateCounts, StateKind};

/// What is known of a rollout from its events alone.
#[derive(Default)]
struct Told {
    paused: bool,
    aborting: bool,
    /// The number of each device's last attempt.
    attempts: BTreeMap<DeviceId, u32>,
    /// How each device ended.
    ended: BTreeMap<DeviceId, StateKind>,
    counts: Option<StateCounts>,
}

/// Everything that is wrong with the events of a whole story.
pub(super) fn violations(events: &[LoggedEvent]) -> Vec<String> {
    let mut found = Vec::new();
    for (expected, event) in (1..).zip(events) {
        if event.seq.0 != expected {
            found.push(format!("event {} stands at place {expected}", event.seq.0));
            break;
        }
    }
    let mut rollouts: BTreeMap<RolloutKey, Told> = BTreeMap::new();
    for event in events {
        if let Some(key) = event.event.rollout {
            let told = rollouts.entry(key).or_default();
            if let Some(wrong) = told.hear(&event.event.kind) {
                found.push(format!("event {}: {wrong}", event.seq.0));
            }
        }
    }
    for (key, told) in rollouts {
        found.extend(told.tally().map(|wrong| format!("rollout {key}: {wrong}")));
    }
    found
}

impl Told {
    fn hear(&mut self, kind: &EventKind) -> Option<String> {
        match kind {
            EventKind::RolloutPaused { .. } => self.paused = true,
            EventKind::RolloutResumed { .. } => self.paused = false,
            EventKind::RolloutAborting { .. } => {
                let again = std::mem::replace(&mut self.aborting, true);
                return again.then(|| "it was aborted twice".into());
            }
            EventKind::AttemptStarted { device, number, .. } => {
                if self.paused {
                    return Some(format!("{device} was started in a pause"));
                }
                if self.aborting {
                    return Some(format!("{device} was started after an abort"));
                }
                if let Some(state) = self.ended.get(device) {
                    return Some(format!("{device} was started after it was {state:?}"));
                }
                let last = self.attempts.entry(device.clone()).or_default();
                let expected = *last + 1;
                *last = *number;
                if *number != expected {
                    return Some(format!("{device}: attempt {number} came, not {expected}"));
                }
            }
            EventKind::DeviceSucceeded { device } => return self.end(device, StateKind::Succeeded),
            EventKind::DeviceFailed { device, .. } => return self.end(device, StateKind::Failed),
            EventKind::DeviceRegressed { device, .. } => {
                let before = self.ended.insert(device.clone(), StateKind::Failed);
                let wrong = before != Some(StateKind::Succeeded);
                return wrong.then(|| format!("{device} fell back and had not succeeded"));
            }
            EventKind::DeviceRejected { device } => return self.end(device, StateKind::Rejected),
            EventKind::DeviceSkipped { device, .. } => return self.end(device, StateKind::Skipped),
            EventKind::DeviceCancelled { device } => {
                return self.end(device, StateKind::Cancelled);
            }
            EventKind::DeviceSuperseded { device, .. } => {
                return self.end(device, StateKind::Superseded);
            }
            EventKind::DeviceDeadLettered { device, .. } => {
                return self.end(device, StateKind::DeadLettered);
            }
            EventKind::DeviceRequeued { device } => {
                // Its attempts are fresh, and counted anew.
                self.attempts.remove(device);
                if self.ended.remove(device) != Some(StateKind::DeadLettered) {
                    return Some(format!("{device} was requeued and was no dead letter"));
                }
            }
            EventKind::DeviceDismissed { device } => {
                let before = self.ended.insert(device.clone(), StateKind::Failed);
                let wrong = before != Some(StateKind::DeadLettered);
                return wrong.then(|| format!("{device} was dismissed and was no dead letter"));
            }
            EventKind::RolloutCompleted { counts, .. } => self.counts = Some(*counts),
            _ => {}
        }
        None
    }

    fn end(&mut self, device: &DeviceId, state: StateKind) -> Option<String> {
        let before = self.ended.insert(device.clone(), state)?;
        Some(format!("{device} ended twice: {before:?}, {state:?}"))
    }

    /// Whether the last counts are those of the devices' own events. Devices that an abort
    /// met before their turn are counted only.
    fn tally(&self) -> Option<String> {
        let counts = self.counts?;
        let kinds: BTreeSet<StateKind> = self.ended.values().copied().collect();
        kinds.into_iter().find_map(|kind| {
            let told = self.ended.values().filter(|state| **state == kind).count() as u64;
            let counted = counts.get(kind);
            let fits = if kind == StateKind::Cancelled {
                told <= counted
            } else {
                told == counted
            };
            (!fits).then(|| format!("{told} devices ended {kind:?}, {counted} are counted"))
        })
    }
}

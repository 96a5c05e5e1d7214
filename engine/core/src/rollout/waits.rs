//! What put-off devices wait for, beyond the instant at which they are looked at again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use windlass_model::{AssignmentId, Reason, RolloutKey, Timestamp, Value};

use crate::admission::code;

/// Devices of which it is remembered what they wait for; of more it is only known that
/// they are looked at again.
const MAX_NOTED: usize = 65_536;

/// Something that lets a device go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WaitsFor {
    /// An instant.
    Clock,
    /// Its connection.
    Connection,
    /// The end of a hold, which a person lifts if it has no instant.
    Hold(Option<Timestamp>),
    /// Another rollout, if it is known which, which runs or does not.
    Rollout { by: Option<RolloutKey>, runs: bool },
    /// Room in its group, whose queue is full too.
    Group,
}

impl WaitsFor {
    pub(super) fn of(needs_connection: bool, reason: Option<&Reason>) -> Self {
        match reason.map(|reason| (reason.code.as_str(), &reason.parameters)) {
            Some((code::HOLD | code::PINNED, parameters)) => {
                Self::Hold(match parameters.get("until") {
                    Some(Value::Integer(millis)) => u64::try_from(*millis).ok().map(Timestamp),
                    _ => None,
                })
            }
            Some((code::OTHER_ROLLOUT, parameters)) => Self::Rollout {
                by: match parameters.get("rollout") {
                    Some(Value::Integer(key)) => Some(RolloutKey(*key)),
                    _ => None,
                },
                runs: !parameters.contains_key("standing"),
            },
            Some((code::GROUP_CAP, _)) => Self::Group,
            _ if needs_connection => Self::Connection,
            _ => Self::Clock,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Waits {
    noted: BTreeMap<AssignmentId, (WaitsFor, Duration)>,
    /// Those that wait for a rollout that runs, by the instant at which that was so.
    behind: BTreeSet<(Duration, AssignmentId)>,
    classes: BTreeMap<WaitsFor, (u64, Option<Reason>)>,
}

impl Waits {
    /// Whether it is remembered; it was so `as_of` that instant, by the monotonic clock.
    pub(super) fn note(
        &mut self,
        id: AssignmentId,
        (what, as_of): (WaitsFor, Duration),
        why: Option<&Reason>,
    ) -> bool {
        self.forget(id);
        if self.noted.len() >= MAX_NOTED {
            return false;
        }
        self.noted.insert(id, (what, as_of));
        if let WaitsFor::Rollout { runs: true, .. } = what {
            self.behind.insert((as_of, id));
        }
        let (count, _) = self
            .classes
            .entry(what)
            .or_insert_with(|| (0, why.cloned()));
        *count += 1;
        true
    }

    pub(super) fn get(&self, id: AssignmentId) -> Option<WaitsFor> {
        self.noted.get(&id).map(|(what, _)| *what)
    }

    pub(super) fn forget(&mut self, id: AssignmentId) -> Option<WaitsFor> {
        let (what, as_of) = self.noted.remove(&id)?;
        self.behind.remove(&(as_of, id));
        if let Some((count, _)) = self.classes.get_mut(&what) {
            *count -= 1;
            if *count == 0 {
                self.classes.remove(&what);
            }
        }
        Some(what)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = AssignmentId> {
        self.noted.keys().copied()
    }

    /// The instant as of which it is known of every device that waits for a rollout that runs.
    pub(super) fn behind_as_of(&self) -> Option<Duration> {
        self.behind.first().map(|(as_of, _)| *as_of)
    }

    /// What is waited for, by how many, and one reason for it.
    pub(super) fn classes(&self) -> impl Iterator<Item = (WaitsFor, u64, Option<&Reason>)> {
        self.classes
            .iter()
            .map(|(what, (count, why))| (*what, *count, why.as_ref()))
    }
}

//! Asking simulated devices again what they run, when a policy wants to know it.

use std::num::NonZeroU32;

use windlass_core::{GroupSeat, Input, Succeeded};
use windlass_model::{
    AssignmentId, AttemptId, CohortIndex, DeviceKey, Failure, FailureKind, Verification,
};

use crate::{placing::number, plugins::Plugins, world::World};

/// Which attempt brought the release is of no matter here: there is no other rollout.
const ANY: AttemptId = AttemptId(NonZeroU32::MIN);

impl<P: Plugins> World<'_, P> {
    pub(crate) fn show_succeeded(
        &mut self,
        cohort: CohortIndex,
        after: Option<AssignmentId>,
        limit: usize,
    ) {
        let rows = self.rows.succeeded(cohort, after, limit);
        self.hear(Input::Succeeded {
            exhausted: rows.len() < limit,
            rows: rows
                .into_iter()
                .map(|assignment| Succeeded {
                    assignment,
                    attempt: Some(ANY),
                })
                .collect(),
        });
    }

    /// Answers at once: it takes no time that counts beside a soak.
    pub(crate) fn recheck(
        &mut self,
        assignment: AssignmentId,
        device: DeviceKey,
        attempt: AttemptId,
    ) {
        let fleet = &self.scenario.fleet;
        let now = self.now.wall;
        let of = number(device);
        let mut groups = Vec::new();
        let answer = match self.luck.connected(fleet, of, now) {
            None => Err(Failure::new(FailureKind::Unreachable, "it is offline")),
            Some(_) if self.has_fallen_back(of, now) => {
                groups = GroupSeat::of(&self.scenario.limits, &fleet.record(of));
                Ok(Verification::RunsOther(self.version_before(of)))
            }
            Some(_) => Ok(Verification::RunsRelease),
        };
        self.hear(Input::Rechecked {
            assignment,
            attempt,
            answer,
            groups,
        });
    }
}

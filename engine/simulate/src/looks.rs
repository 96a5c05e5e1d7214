//! Showing devices to filter and policies, as the engine does before each start.

use windlass_core::{
    Candidate, Gate, GroupHealth, GroupSeat, Input, admission, admission::Circumstances,
};
use windlass_model::{Assignment, AssignmentId, CohortIndex, Connectivity, Device, Timestamp};

use crate::{begin::ROLLOUT, luck::Luck, placing::number, plugins::Plugins, world::World};

impl<P: Plugins> World<'_, P> {
    pub(crate) async fn show_pending(
        &mut self,
        cohort: CohortIndex,
        after: Option<AssignmentId>,
        limit: usize,
    ) -> Result<(), P::Error> {
        let rows = self.rows.pending(cohort, after, limit);
        let exhausted = rows.len() < limit;
        let (candidates, health) = self.judge(rows).await?;
        self.hear(Input::Page {
            cohort,
            candidates,
            exhausted,
            health,
        });
        Ok(())
    }

    pub(crate) async fn show_deferred(
        &mut self,
        by: Timestamp,
        limit: usize,
    ) -> Result<(), P::Error> {
        let (rows, next_due) = self.rows.due(by, limit);
        let (candidates, health) = self.judge(rows).await?;
        self.hear(Input::Deferred {
            candidates,
            next_due,
            health,
        });
        Ok(())
    }

    pub(crate) async fn show_again(&mut self, rows: Vec<Assignment>) -> Result<(), P::Error> {
        let (candidates, health) = self.judge(rows).await?;
        self.hear(Input::Reconsidered { candidates, health });
        Ok(())
    }

    async fn judge(
        &mut self,
        rows: Vec<Assignment>,
    ) -> Result<(Vec<Candidate>, GroupHealth), P::Error> {
        let now = self.now.wall;
        let devices: Vec<Device> = rows.iter().map(|row| self.device(row)).collect();
        let matches = self.plugins.matches(now, &devices).await?;
        let admissions = self.plugins.admit(now, &rows, &devices).await?;
        let mut candidates = Vec::with_capacity(rows.len());
        for (index, (assignment, device)) in rows.into_iter().zip(&devices).enumerate() {
            let admission = admissions.as_ref().and_then(|all| all.get(index)).cloned();
            let mut gate = admission::gate(&Circumstances {
                device,
                release: &self.scenario.release,
                settings: &self.settings,
                matches: matches
                    .as_ref()
                    .is_none_or(|all| all.get(index) == Some(&true)),
                admission: admission.unwrap_or_default(),
                holds: &[],
                rivals: &[],
                driven: &[ROLLOUT],
                rollout: ROLLOUT,
                now,
            });
            self.skip_vain_probes(&assignment, &mut gate);
            candidates.push(Candidate {
                assignment,
                gate,
                groups: GroupSeat::of(&self.scenario.limits, device),
            });
        }
        let health = self.health(&candidates);
        Ok((candidates, health))
    }

    /// The device as the registry knows it now.
    fn device(&self, row: &Assignment) -> Device {
        let now = self.now.wall;
        let of = number(row.device);
        match self.luck {
            Luck::Drawn => self.scenario.fleet.device(of, now),
            Luck::Worst(_) => Device {
                status: Connectivity::Online,
                last_seen: Some(now),
                ..self.scenario.fleet.record(of)
            },
        }
    }

    /// A device that is away is probed until it is back: only that probe finds anything.
    fn skip_vain_probes(&self, row: &Assignment, gate: &mut Gate) {
        if let Gate::Defer {
            until,
            needs_connection: true,
            ..
        } = gate
        {
            let every = self.settings.probe_interval;
            let fleet = &self.scenario.fleet;
            *until = fleet.met(number(row.device), *until, every, self.scenario.end());
        }
    }
}

//! The assignments of a simulated rollout, as the store would keep them.

use std::{collections::BTreeSet, ops::Range};

use windlass_model::{Assignment, AssignmentId, AssignmentState, CohortIndex, Timestamp};

use crate::bits::Bits;

/// Rows by rank: the id of the first is 1.
#[derive(Debug)]
pub(crate) struct Rows {
    rows: Vec<Assignment>,
    /// The ranks of each cohort.
    cohorts: Vec<Range<u64>>,
    pending: Bits,
    due: BTreeSet<(Timestamp, u64)>,
}

impl Rows {
    /// Pending rows in rank order, cohort by cohort.
    pub(crate) fn new(rows: Vec<Assignment>, sizes: impl IntoIterator<Item = u64>) -> Self {
        let mut first = 0;
        let cohorts = sizes
            .into_iter()
            .map(|size| {
                let begin = first;
                first += size;
                begin..first
            })
            .collect();
        Self {
            pending: Bits::all(rows.len() as u64),
            rows,
            cohorts,
            due: BTreeSet::new(),
        }
    }

    /// Puts a row in the place of what it was.
    pub(crate) fn put(&mut self, row: Assignment) {
        let rank = rank(row.id);
        let Some(old) = self.rows.get_mut(index(rank)) else {
            return;
        };
        match &old.state {
            AssignmentState::Pending => self.pending.clear(rank),
            AssignmentState::Deferred(deferral) => {
                self.due.remove(&(deferral.until, rank));
            }
            _ => {}
        }
        match &row.state {
            AssignmentState::Pending => {
                self.pending.set(rank);
            }
            AssignmentState::Deferred(deferral) => {
                self.due.insert((deferral.until, rank));
            }
            _ => {}
        }
        *old = row;
    }

    /// At most `limit` pending rows of a cohort after `after`, in rank order.
    pub(crate) fn pending(
        &self,
        cohort: CohortIndex,
        after: Option<AssignmentId>,
        limit: usize,
    ) -> Vec<Assignment> {
        let Some(ranks) = self.cohorts.get(cohort.0 as usize) else {
            return Vec::new();
        };
        let from = after.map_or(0, |id| rank(id) + 1);
        self.pending
            .from(from.max(ranks.start), ranks.end)
            .take(limit)
            .filter_map(|rank| self.rows.get(index(rank)).cloned())
            .collect()
    }

    /// At most `limit` succeeded rows of a cohort after `after`, in rank order.
    pub(crate) fn succeeded(
        &self,
        cohort: CohortIndex,
        after: Option<AssignmentId>,
        limit: usize,
    ) -> Vec<Assignment> {
        let Some(ranks) = self.cohorts.get(cohort.0 as usize) else {
            return Vec::new();
        };
        let from = after.map_or(0, |id| rank(id) + 1).max(ranks.start);
        let rows = self.rows.get(index(from)..index(ranks.end));
        let rows = rows.unwrap_or_default().iter();
        rows.filter(|row| row.state == AssignmentState::Succeeded)
            .take(limit)
            .cloned()
            .collect()
    }

    /// At most `limit` deferred rows that are due at `by`, the longest due first, and when the
    /// first is due that is not due then.
    pub(crate) fn due(&self, by: Timestamp, limit: usize) -> (Vec<Assignment>, Option<Timestamp>) {
        let rows = self
            .due
            .range(..=(by, u64::MAX))
            .take(limit)
            .filter_map(|(_, rank)| self.rows.get(index(*rank)).cloned())
            .collect();
        let next = self.due.range((by, u64::MAX)..).next();
        (rows, next.map(|(at, _)| *at))
    }

    /// What is pending or deferred is cancelled.
    pub(crate) fn cancel_remaining(&mut self) {
        for row in &mut self.rows {
            if matches!(
                row.state,
                AssignmentState::Pending | AssignmentState::Deferred(_)
            ) {
                row.state = AssignmentState::Cancelled;
            }
        }
        self.due.clear();
        self.pending = Bits::none(self.rows.len() as u64);
    }

    /// The cohort of a row.
    pub(crate) fn cohort(&self, id: AssignmentId) -> CohortIndex {
        self.rows
            .get(index(rank(id)))
            .map_or(CohortIndex(0), |row| row.cohort)
    }
}

fn rank(id: AssignmentId) -> u64 {
    u64::try_from(id.0 - 1).unwrap_or(u64::MAX)
}

fn index(rank: u64) -> usize {
    usize::try_from(rank).unwrap_or(usize::MAX)
}

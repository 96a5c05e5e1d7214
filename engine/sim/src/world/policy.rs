use std::{collections::BTreeMap, time::Duration};

use windlass_core::DecideRequest;
use windlass_model::{Ceiling, Decision, Reason, Value, Verdict};

/// A policy that opens cohorts one after the other, with everything that a policy may say.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// Devices in progress at once in a cohort.
    pub(super) width: u64,
    /// First failures at which it ends the rollout, and how.
    pub(super) limit: Option<(u64, Verdict)>,
    /// It waits for an approval after the first cohort.
    pub(super) asks: bool,
    /// It holds for so long at first.
    pub(super) holds: Duration,
}

impl Policy {
    pub(super) fn decide(&self, request: &DecideRequest) -> Decision {
        let view = &request.view;
        let failed: u64 = view
            .cohorts
            .iter()
            .flat_map(|cohort| cohort.first_failures.values())
            .sum();
        let holding = view.now.since(view.started_at) < self.holds;
        let full = view.advances.iter().any(|advance| advance.cohort.is_none());
        let consent = full || !view.approvals.is_empty() || !view.advances.is_empty();
        let first_done = view
            .cohorts
            .first()
            .is_some_and(|cohort| cohort.ended == cohort.size);
        let waits = self.asks && first_done && view.cohorts.len() > 1 && !consent;
        let (verdict, reason) = match self.limit {
            Some((limit, verdict)) if failed >= limit => (verdict, reason("too-many-failures")),
            Some(_) | None if waits => {
                let mut waiting = reason("awaiting-approval");
                let gate = Value::Text("second".into());
                waiting.parameters = BTreeMap::from([("gate".to_owned(), gate)]);
                (Verdict::Hold, waiting)
            }
            Some(_) | None if holding => (Verdict::Hold, reason("not-yet")),
            Some(_) | None => (Verdict::Continue, reason("fine")),
        };
        let mut open = true;
        let mut ceilings = Vec::with_capacity(view.cohorts.len());
        for cohort in &view.cohorts {
            ceilings.push(Ceiling {
                started: if open { cohort.size } else { 0 },
                in_progress: self.width,
            });
            open &= full || cohort.ended == cohort.size;
        }
        Decision {
            ceilings,
            valid_until: view.now.plus(Duration::from_secs(300)),
            verdict,
            reasons: vec![reason],
            memo: Vec::new(),
            ask_at: holding.then(|| view.started_at.plus(self.holds)),
            triggers: Vec::new(),
            rechecks: Vec::new(),
        }
    }
}

fn reason(code: &str) -> Reason {
    Reason {
        code: code.to_owned(),
        cohort: None,
        parameters: BTreeMap::new(),
        text: code.to_owned(),
    }
}

use std::collections::BTreeMap;

use windlass_host::Policy;
use windlass_model::DecisionAnswer;
use windlass_store::StoredDecision;

use super::{Field, Identity, difference};

/// Recorded decisions with the policies that are to take them again.
#[derive(Default)]
pub struct Again {
    decisions: Vec<StoredDecision>,
    /// Each with the places of its decisions: asked together they cost a third.
    policies: BTreeMap<Identity, (Policy, Vec<usize>)>,
}

/// A recorded decision beside the same one taken again.
pub struct Compared {
    /// As it was recorded.
    pub stored: StoredDecision,
    /// Where the answers differ: nowhere, if all is well; none if there was no answer then.
    pub fields: Option<Vec<Field>>,
}

impl Again {
    pub(super) fn push(&mut self, stored: StoredDecision, of: Identity, policy: Policy) {
        let asked = self.policies.entry(of);
        let (_, places) = asked.or_insert_with(|| (policy, Vec::new()));
        places.push(self.decisions.len());
        self.decisions.push(stored);
    }

    /// A policy that gave no answer then is not asked for one now.
    pub(super) fn leave_out(&mut self, stored: StoredDecision) {
        self.decisions.push(stored);
    }

    /// Takes all of them again; what came of each, in their order.
    pub async fn run(self) -> Vec<Compared> {
        let Self {
            decisions,
            policies,
        } = self;
        let mut fields: Vec<_> = std::iter::repeat_with(|| None)
            .take(decisions.len())
            .collect();
        for (policy, places) in policies.into_values() {
            let asked = places.iter().map(|place| {
                let record = &decisions[*place].record;
                (&record.view, record.memo_before.as_slice())
            });
            let answers = policy.decide_each(asked).await;
            for (place, answer) in places.into_iter().zip(answers) {
                let record = &decisions[place].record;
                fields[place] = match (&record.answer, answer) {
                    (DecisionAnswer::Decided(recorded), Ok(again)) => {
                        Some(difference::between(&record.view.cohorts, recorded, &again))
                    }
                    (DecisionAnswer::Decided(recorded), Err(error)) => {
                        Some(vec![difference::failed(recorded, &error.summary())])
                    }
                    (DecisionAnswer::Failed(_), _) => None,
                };
            }
        }
        let pairs = decisions.into_iter().zip(fields);
        pairs
            .map(|(stored, fields)| Compared { stored, fields })
            .collect()
    }
}

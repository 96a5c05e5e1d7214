//! Recorded views shown to another policy than the one that decided.

use windlass_host::Policy;
use windlass_model::{Decision, DecisionAnswer, PluginName, Verdict, View};
use windlass_store::StoredDecision;

use super::{Field, difference};

/// Another policy that is led through what was recorded, with a memo of its own.
pub struct Candidate {
    policy: Policy,
    memo: Vec<u8>,
}

/// Where another policy parts from what was decided.
#[derive(Clone, Debug)]
pub struct Parting {
    /// What it says otherwise: verdict, ceilings, reasons.
    pub fields: Vec<Field>,
    /// In which direction.
    pub leaning: Leaning,
    /// By how many devices it allows fewer, or more, to have been started.
    pub devices: i128,
}

/// Whether another policy would have held back or let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaning {
    /// A severer verdict, or fewer devices.
    Stricter,
    /// A milder verdict, or more devices.
    Laxer,
    /// More in one way and less in another, or other reasons only.
    Other,
}

impl Candidate {
    /// Begins with an empty memo, as if it had been put in force there.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            memo: Vec::new(),
        }
    }

    /// Whether it would have allowed or said something else than `stored` does. An answer that
    /// it cannot give is a hold, as it would have been.
    pub async fn parts_from(&mut self, stored: &StoredDecision) -> Option<Parting> {
        let view = &stored.record.view;
        let candidate = self.policy.decide(view, &self.memo).await;
        if let Ok(decision) = &candidate {
            self.memo.clone_from(&decision.memo);
        }
        let answer = match candidate {
            Ok(decision) => DecisionAnswer::Decided(decision),
            Err(error) => DecisionAnswer::Failed(error.summary()),
        };
        parting(view, &stored.record.answer, &answer)
    }
}

/// Whose decisions a candidate is compared with.
pub fn compared_with<'a>(
    policies: &'a [PluginName],
    candidate: &PluginName,
    named: Option<&'a PluginName>,
) -> Option<&'a PluginName> {
    match (named, policies) {
        (Some(named), _) => policies.iter().find(|policy| *policy == named),
        (None, [only]) => Some(only),
        (None, _) => policies.iter().find(|policy| *policy == candidate),
    }
}

fn parting(view: &View, recorded: &DecisionAnswer, again: &DecisionAnswer) -> Option<Parting> {
    let fields = difference::of_effect(&view.cohorts, recorded, again);
    if fields.is_empty() {
        return None;
    }
    let (severity, devices) = (
        verdict(again).cmp(&verdict(recorded)),
        allowed(view, again) - allowed(view, recorded),
    );
    let leaning = match (severity, devices.signum()) {
        (std::cmp::Ordering::Greater, -1 | 0) | (std::cmp::Ordering::Equal, -1) => {
            Leaning::Stricter
        }
        (std::cmp::Ordering::Less, 0 | 1) | (std::cmp::Ordering::Equal, 1) => Leaning::Laxer,
        _ => Leaning::Other,
    };
    Some(Parting {
        fields,
        leaning,
        devices,
    })
}

fn verdict(answer: &DecisionAnswer) -> Verdict {
    match answer {
        DecisionAnswer::Decided(decision) => decision.verdict,
        DecisionAnswer::Failed(_) => Verdict::Hold,
    }
}

/// Devices that may have been started, over all cohorts.
fn allowed(view: &View, answer: &DecisionAnswer) -> i128 {
    let ceilings = |decision: &Decision| {
        let cohorts = view.cohorts.iter().zip(&decision.ceilings);
        cohorts
            .map(|(cohort, ceiling)| i128::from(ceiling.started.min(cohort.size)))
            .sum()
    };
    match answer {
        DecisionAnswer::Decided(decision) => ceilings(decision),
        DecisionAnswer::Failed(_) => 0,
    }
}

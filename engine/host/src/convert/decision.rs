use std::{collections::BTreeSet, sync::Arc};

use windlass_model::{
    Admission, Ceiling, Cohort, CohortIndex, Decision, Measure, Placement, Reason, RecheckWish,
    SignalName, Timestamp, Trigger, Verdict,
};

use super::{attributes, cut};
use crate::{
    PluginErrorKind,
    bindings::policy,
    limits::{
        COHORT_NAME_BYTES, COHORTS, MEMO_BYTES, REASONS, SIGNAL_NAME_BYTES, SIGNALS, TEXT_BYTES,
        TRIGGERS,
    },
};

/// A decision about `cohorts` cohorts, if it is what the contract allows.
pub(crate) fn check_decision(
    said: policy::Decision,
    cohorts: usize,
) -> Result<Decision, PluginErrorKind> {
    if said.ceilings.len() != cohorts {
        return nonsense(format!(
            "{} ceilings for {cohorts} cohorts",
            said.ceilings.len()
        ));
    }
    if said.reasons.len() > REASONS {
        return nonsense(format!(
            "{} reasons, of which {REASONS} are allowed",
            said.reasons.len()
        ));
    }
    if said.triggers.len() > TRIGGERS {
        return nonsense(format!(
            "{} triggers, of which {TRIGGERS} are allowed",
            said.triggers.len()
        ));
    }
    if said.memo.len() > MEMO_BYTES {
        return nonsense(format!(
            "a memo of {} bytes, of which {MEMO_BYTES} are allowed",
            said.memo.len()
        ));
    }
    let verdict = verdict(said.verdict);
    if said.reasons.is_empty() && verdict != Verdict::Continue {
        return nonsense("a verdict other than continue without a reason".to_owned());
    }
    Ok(Decision {
        ceilings: said
            .ceilings
            .into_iter()
            .map(|ceiling| Ceiling {
                started: ceiling.started,
                in_progress: ceiling.in_progress,
            })
            .collect(),
        valid_until: Timestamp(said.valid_until),
        verdict,
        reasons: said
            .reasons
            .into_iter()
            .map(|said| reason(said, Some(cohorts)))
            .collect::<Result<_, _>>()?,
        memo: said.memo,
        ask_at: said.ask_at.map(Timestamp),
        triggers: said
            .triggers
            .into_iter()
            .map(|said| trigger(said, cohorts))
            .collect::<Result<_, _>>()?,
        rechecks: rechecks(said.rechecks, cohorts)?,
    })
}

/// Cohorts that hold exactly `devices` devices, if they are what the contract allows.
pub(crate) fn check_cohorts(
    said: Vec<policy::Cohort>,
    devices: u64,
) -> Result<Vec<Cohort>, PluginErrorKind> {
    if said.len() > COHORTS {
        return nonsense(format!(
            "{} cohorts, of which {COHORTS} are allowed",
            said.len()
        ));
    }
    let mut names = BTreeSet::new();
    let mut sum = 0_u64;
    for cohort in &said {
        if !(1..=COHORT_NAME_BYTES).contains(&cohort.name.len()) {
            return nonsense(format!(
                "a cohort's name has {} bytes, not 1 to {COHORT_NAME_BYTES}",
                cohort.name.len()
            ));
        }
        if !names.insert(&cohort.name) {
            return nonsense(format!("two cohorts are called `{}`", cohort.name));
        }
        sum = sum.saturating_add(cohort.size);
    }
    if sum != devices {
        return nonsense(format!("cohorts of {sum} devices for {devices} devices"));
    }
    Ok(said
        .into_iter()
        .map(|cohort| Cohort {
            name: cohort.name,
            size: cohort.size,
        })
        .collect())
}

/// Names of signals, if they are what the contract allows.
pub(crate) fn check_signals(said: Vec<String>) -> Result<Arc<[SignalName]>, PluginErrorKind> {
    if said.len() > SIGNALS {
        return nonsense(format!(
            "{} signals, of which {SIGNALS} are allowed",
            said.len()
        ));
    }
    let mut names = BTreeSet::new();
    for name in &said {
        if !(1..=SIGNAL_NAME_BYTES).contains(&name.len()) {
            return nonsense(format!(
                "a signal's name has {} bytes, not 1 to {SIGNAL_NAME_BYTES}",
                name.len()
            ));
        }
        if !names.insert(name) {
            return nonsense(format!("the signal `{name}` twice"));
        }
    }
    Ok(said.into_iter().map(SignalName::new).collect())
}

/// A placement with a stratum of a length that can be kept per device.
pub(crate) fn placement(said: policy::Placement) -> Result<Placement, PluginErrorKind> {
    if said.stratum.len() > TEXT_BYTES {
        return nonsense(format!("a stratum of {} bytes", said.stratum.len()));
    }
    Ok(Placement {
        tier: said.tier,
        stratum: said.stratum,
    })
}

pub(crate) fn admission(said: policy::Admission) -> Result<Admission, PluginErrorKind> {
    Ok(Admission {
        not_before: said.not_before.map(Timestamp),
        needs_connection: said.needs_connection,
        never: said.never,
        order_key: said.order_key,
        reason: said.reason.map(|said| reason(said, None)).transpose()?,
    })
}

fn reason(said: policy::Reason, cohorts: Option<usize>) -> Result<Reason, PluginErrorKind> {
    if let (Some(index), Some(cohorts)) = (said.cohort, cohorts)
        && index as usize >= cohorts
    {
        return nonsense(format!("a reason speaks of cohort {index} of {cohorts}"));
    }
    Ok(Reason {
        code: cut(said.code),
        cohort: said.cohort.map(CohortIndex),
        parameters: attributes(said.parameters),
        text: cut(said.text),
    })
}

fn trigger(said: policy::Trigger, cohorts: usize) -> Result<Trigger, PluginErrorKind> {
    if said.cohort as usize >= cohorts {
        return nonsense(format!(
            "a trigger watches cohort {} of {cohorts}",
            said.cohort
        ));
    }
    Ok(Trigger {
        cohort: CohortIndex(said.cohort),
        measure: match said.measure {
            policy::Measure::Started => Measure::Started,
            policy::Measure::Ended => Measure::Ended,
            policy::Measure::Succeeded => Measure::Succeeded,
            policy::Measure::Failed => Measure::Failed,
            policy::Measure::FirstFailed => Measure::FirstFailed,
        },
        reaches: said.reaches,
    })
}

fn rechecks(
    said: Vec<policy::RecheckWish>,
    cohorts: usize,
) -> Result<Vec<RecheckWish>, PluginErrorKind> {
    let mut named = BTreeSet::new();
    said.into_iter()
        .map(|wish| {
            let cohort = wish.cohort;
            if cohort as usize >= cohorts {
                return nonsense(format!(
                    "a wish to verify cohort {cohort} of {cohorts} again"
                ));
            }
            if !named.insert(cohort) {
                return nonsense(format!("two wishes to verify cohort {cohort} again"));
            }
            Ok(RecheckWish {
                cohort: CohortIndex(cohort),
                since: Timestamp(wish.since),
            })
        })
        .collect()
}

fn verdict(said: policy::Verdict) -> Verdict {
    match said {
        policy::Verdict::Continue => Verdict::Continue,
        policy::Verdict::Hold => Verdict::Hold,
        policy::Verdict::Pause => Verdict::Pause,
        policy::Verdict::Abort => Verdict::Abort,
        policy::Verdict::RollBack => Verdict::RollBack,
    }
}

fn nonsense<T>(what: String) -> Result<T, PluginErrorKind> {
    Err(PluginErrorKind::Contract(
        format!("it answered with {what}").into(),
    ))
}

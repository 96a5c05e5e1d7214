//! Between the words of the SDK, in which laws speak, and those of the engine.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use windlass_host::PolicyCandidate;
use windlass_model::{self as model, CohortIndex, SignalName, StateKind, Timestamp};
use windlass_sdk as sdk;

pub(crate) fn tier(tier: &sdk::TierCount) -> model::TierCount {
    model::TierCount {
        tier: tier.tier,
        devices: tier.devices,
    }
}

pub(crate) fn cohort(cohort: model::Cohort) -> sdk::Cohort {
    sdk::Cohort {
        name: cohort.name,
        size: cohort.size,
    }
}

pub(crate) fn view(view: &sdk::View) -> model::View {
    model::View {
        now: Timestamp(view.now),
        started_at: Timestamp(view.started_at),
        paused_for: Duration::from_millis(view.paused_for),
        cohorts: view.cohorts.iter().map(cohort_view).collect(),
        starts_last_minute: view.starts_last_minute,
        approvals: view.approvals.iter().map(approval).collect(),
        advances: view.advances.iter().map(advance).collect(),
        signals: view.signals.iter().map(signal).collect(),
    }
}

fn signal(signal: &sdk::Signal) -> model::Signal {
    model::Signal {
        name: SignalName::new(signal.name.as_str()),
        value: signal.value,
        observed_at: signal.observed_at.map(Timestamp),
    }
}

fn cohort_view(cohort: &sdk::CohortView) -> model::CohortView {
    model::CohortView {
        name: cohort.name.clone(),
        size: cohort.size,
        states: states(&cohort.states),
        started: cohort.started,
        in_progress: cohort.in_progress,
        ended: cohort.ended,
        first_failures: failures(&cohort.first_failures),
        failures: failures(&cohort.failures),
        first_started: cohort.first_started.map(Timestamp),
        last_ended: cohort.last_ended.map(Timestamp),
        recheck: cohort.recheck.as_ref().map(recheck),
    }
}

fn recheck(recheck: &sdk::Recheck) -> model::Recheck {
    model::Recheck {
        began: Timestamp(recheck.began),
        ended: recheck.ended.map(Timestamp),
        confirmed: recheck.confirmed,
        regressed: recheck.regressed,
        unconfirmed: recheck.unconfirmed,
    }
}

fn states(counts: &sdk::StateCounts) -> model::StateCounts {
    let mut states = model::StateCounts::default();
    for kind in StateKind::ALL {
        *states.get_mut(kind) = match kind {
            StateKind::Pending => counts.pending,
            StateKind::Deferred => counts.deferred,
            StateKind::Admitted => counts.admitted,
            StateKind::Transferring => counts.transferring,
            StateKind::Offered => counts.offered,
            StateKind::Verifying => counts.verifying,
            StateKind::Settling => counts.settling,
            StateKind::Waiting => counts.waiting,
            StateKind::Cancelling => counts.cancelling,
            StateKind::Succeeded => counts.succeeded,
            StateKind::Failed => counts.failed,
            StateKind::Rejected => counts.rejected,
            StateKind::Skipped => counts.skipped,
            StateKind::Cancelled => counts.cancelled,
            StateKind::Superseded => counts.superseded,
            StateKind::DeadLettered => counts.dead_lettered,
        };
    }
    states
}

fn failures(counts: &[sdk::FailureCount]) -> BTreeMap<model::FailureKind, u64> {
    let counts = counts.iter();
    counts
        .map(|count| (failure(count.kind), count.count))
        .collect()
}

fn failure(kind: sdk::FailureKind) -> model::FailureKind {
    match kind {
        sdk::FailureKind::Unreachable => model::FailureKind::Unreachable,
        sdk::FailureKind::TimedOut => model::FailureKind::TimedOut,
        sdk::FailureKind::Rejected => model::FailureKind::Rejected,
        sdk::FailureKind::Unauthorized => model::FailureKind::Unauthorized,
        sdk::FailureKind::Incompatible => model::FailureKind::Incompatible,
        sdk::FailureKind::Corrupt => model::FailureKind::Corrupt,
        sdk::FailureKind::Busy => model::FailureKind::Busy,
        sdk::FailureKind::DeviceError => model::FailureKind::DeviceError,
        sdk::FailureKind::Interrupted => model::FailureKind::Interrupted,
        sdk::FailureKind::Plugin => model::FailureKind::Plugin,
        sdk::FailureKind::Source => model::FailureKind::Source,
        sdk::FailureKind::Shutdown => model::FailureKind::Shutdown,
        sdk::FailureKind::Silent => model::FailureKind::Silent,
        sdk::FailureKind::Regressed => model::FailureKind::Regressed,
        sdk::FailureKind::Other => model::FailureKind::Other,
    }
}

fn approval(approval: &sdk::Approval) -> model::Approval {
    model::Approval {
        gate: approval.gate.clone(),
        actor: approval.actor.clone(),
        at: Timestamp(approval.at),
        expires: None,
    }
}

fn advance(advance: &sdk::Advance) -> model::Advance {
    model::Advance {
        cohort: advance.cohort.map(CohortIndex),
        actor: advance.actor.clone(),
        at: Timestamp(advance.at),
    }
}

pub(crate) fn candidate(candidate: &sdk::Candidate) -> PolicyCandidate {
    PolicyCandidate {
        device: Arc::new(device(&candidate.device)),
        cohort: CohortIndex(candidate.cohort),
        attempts: candidate.attempts,
        last_failure: candidate
            .last_failure
            .map(|(kind, at)| (failure(kind), Timestamp(at))),
        first_seen: candidate.first_seen.map(Timestamp),
    }
}

/// Laws tell devices apart by what policies look at, which are no attributes.
fn device(device: &sdk::Device) -> model::Device {
    model::Device {
        id: model::DeviceId::new(device.id.as_str()),
        name: device.name.clone(),
        address: device.address.clone(),
        kind: device.kind.clone(),
        version: device.version.clone(),
        status: match device.status {
            sdk::Connectivity::Online => model::Connectivity::Online,
            sdk::Connectivity::Offline => model::Connectivity::Offline,
            sdk::Connectivity::Unknown => model::Connectivity::Unknown,
        },
        location: device.location.clone(),
        timezone: device.timezone.clone(),
        tags: device.tags.clone(),
        attributes: BTreeMap::new(),
        last_seen: device.last_seen.map(Timestamp),
    }
}

pub(crate) fn admission(admission: model::Admission) -> sdk::Admission {
    sdk::Admission {
        not_before: admission.not_before.map(|at| at.0),
        needs_connection: admission.needs_connection,
        never: admission.never,
        order_key: admission.order_key,
        reason: admission.reason.map(reason),
    }
}

pub(crate) fn decision(decision: model::Decision) -> sdk::Decision {
    let ceilings = decision.ceilings.into_iter();
    sdk::Decision {
        ceilings: ceilings
            .map(|ceiling| sdk::Ceiling {
                started: ceiling.started,
                in_progress: ceiling.in_progress,
            })
            .collect(),
        valid_until: decision.valid_until.0,
        verdict: match decision.verdict {
            model::Verdict::Continue => sdk::Verdict::Continue,
            model::Verdict::Hold => sdk::Verdict::Hold,
            model::Verdict::Pause => sdk::Verdict::Pause,
            model::Verdict::Abort => sdk::Verdict::Abort,
            model::Verdict::RollBack => sdk::Verdict::RollBack,
        },
        reasons: decision.reasons.into_iter().map(reason).collect(),
        memo: decision.memo,
        ask_at: decision.ask_at.map(|at| at.0),
        triggers: decision.triggers.into_iter().map(trigger).collect(),
        rechecks: decision
            .rechecks
            .into_iter()
            .map(|wish| sdk::RecheckWish {
                cohort: wish.cohort.0,
                since: wish.since.0,
            })
            .collect(),
    }
}

fn reason(reason: model::Reason) -> sdk::Reason {
    let parameters = reason.parameters.into_iter();
    sdk::Reason {
        code: reason.code,
        cohort: reason.cohort.map(|cohort| cohort.0),
        parameters: parameters
            .map(|(name, found)| sdk::Attribute {
                name,
                value: value(found),
            })
            .collect(),
        text: reason.text,
    }
}

fn value(value: model::Value) -> sdk::Value {
    match value {
        model::Value::Boolean(is) => sdk::Value::Boolean(is),
        model::Value::Integer(number) => sdk::Value::Integer(number),
        model::Value::Real(number) => sdk::Value::Real(number),
        model::Value::Text(text) => sdk::Value::Text(text),
        model::Value::Json(text) => sdk::Value::Json(text.json),
    }
}

fn trigger(trigger: model::Trigger) -> sdk::Trigger {
    sdk::Trigger {
        cohort: trigger.cohort.0,
        measure: match trigger.measure {
            model::Measure::Started => sdk::Measure::Started,
            model::Measure::Ended => sdk::Measure::Ended,
            model::Measure::Succeeded => sdk::Measure::Succeeded,
            model::Measure::Failed => sdk::Measure::Failed,
            model::Measure::FirstFailed => sdk::Measure::FirstFailed,
        },
        reaches: trigger.reaches,
    }
}

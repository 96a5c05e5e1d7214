use std::collections::BTreeMap;

use windlass_model::{
    Advance, Approval, CohortView, FailureKind, Recheck, Signal, StateCounts, StateKind, TierCount,
    View,
};

use super::{Projection, device_record, millis};
use crate::{PolicyCandidate, bindings::policy};

/// What a policy sees at a decision.
pub(crate) fn view_record(view: &View) -> policy::View {
    let View {
        now,
        started_at,
        paused_for,
        cohorts,
        starts_last_minute,
        approvals,
        advances,
        signals,
    } = view;
    policy::View {
        now: now.0,
        started_at: started_at.0,
        paused_for: millis(*paused_for),
        cohorts: cohorts.iter().map(cohort_view).collect(),
        starts_last_minute: *starts_last_minute,
        approvals: approvals.iter().map(approval).collect(),
        advances: advances.iter().map(advance).collect(),
        signals: signals.iter().map(signal).collect(),
    }
}

/// A device that is about to be admitted.
pub(crate) fn candidate_record(
    candidate: &PolicyCandidate,
    projection: &Projection,
) -> policy::Candidate {
    policy::Candidate {
        device: device_record(&candidate.device, projection),
        cohort: candidate.cohort.0,
        attempts: candidate.attempts,
        last_failure: candidate
            .last_failure
            .map(|(kind, at)| (failure_kind(kind), at.0)),
        first_seen: candidate.first_seen.map(|at| at.0),
    }
}

pub(crate) fn tier_record(count: &TierCount) -> policy::TierCount {
    policy::TierCount {
        tier: count.tier,
        devices: count.devices,
    }
}

fn cohort_view(cohort: &CohortView) -> policy::CohortView {
    policy::CohortView {
        name: cohort.name.clone(),
        size: cohort.size,
        states: state_counts(&cohort.states),
        started: cohort.started,
        in_progress: cohort.in_progress,
        ended: cohort.ended,
        first_failures: failure_counts(&cohort.first_failures),
        failures: failure_counts(&cohort.failures),
        first_started: cohort.first_started.map(|at| at.0),
        last_ended: cohort.last_ended.map(|at| at.0),
        recheck: cohort.recheck.as_ref().map(recheck),
    }
}

fn recheck(recheck: &Recheck) -> policy::Recheck {
    policy::Recheck {
        began: recheck.began.0,
        ended: recheck.ended.map(|at| at.0),
        confirmed: recheck.confirmed,
        regressed: recheck.regressed,
        unconfirmed: recheck.unconfirmed,
    }
}

fn state_counts(counts: &StateCounts) -> policy::StateCounts {
    let of = |kind| counts.get(kind);
    policy::StateCounts {
        pending: of(StateKind::Pending),
        deferred: of(StateKind::Deferred),
        admitted: of(StateKind::Admitted),
        transferring: of(StateKind::Transferring),
        offered: of(StateKind::Offered),
        verifying: of(StateKind::Verifying),
        settling: of(StateKind::Settling),
        waiting: of(StateKind::Waiting),
        cancelling: of(StateKind::Cancelling),
        succeeded: of(StateKind::Succeeded),
        failed: of(StateKind::Failed),
        rejected: of(StateKind::Rejected),
        skipped: of(StateKind::Skipped),
        cancelled: of(StateKind::Cancelled),
        superseded: of(StateKind::Superseded),
        dead_lettered: of(StateKind::DeadLettered),
    }
}

fn failure_counts(counts: &BTreeMap<FailureKind, u64>) -> Vec<policy::FailureCount> {
    counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| policy::FailureCount {
            kind: failure_kind(*kind),
            count: *count,
        })
        .collect()
}

fn advance(advance: &Advance) -> policy::Advance {
    policy::Advance {
        cohort: advance.cohort.map(|cohort| cohort.0),
        actor: advance.actor.clone(),
        at: advance.at.0,
    }
}

fn approval(approval: &Approval) -> policy::Approval {
    policy::Approval {
        gate: approval.gate.clone(),
        actor: approval.actor.clone(),
        at: approval.at.0,
    }
}

fn signal(signal: &Signal) -> policy::Signal {
    policy::Signal {
        name: signal.name.to_string(),
        value: signal.value,
        observed_at: signal.observed_at.map(|at| at.0),
    }
}

fn failure_kind(kind: FailureKind) -> policy::FailureKind {
    match kind {
        FailureKind::Unreachable => policy::FailureKind::Unreachable,
        FailureKind::TimedOut => policy::FailureKind::TimedOut,
        FailureKind::Rejected => policy::FailureKind::Rejected,
        FailureKind::Unauthorized => policy::FailureKind::Unauthorized,
        FailureKind::Incompatible => policy::FailureKind::Incompatible,
        FailureKind::Corrupt => policy::FailureKind::Corrupt,
        FailureKind::Busy => policy::FailureKind::Busy,
        FailureKind::DeviceError => policy::FailureKind::DeviceError,
        FailureKind::Interrupted => policy::FailureKind::Interrupted,
        FailureKind::Plugin => policy::FailureKind::Plugin,
        FailureKind::Source => policy::FailureKind::Source,
        FailureKind::Shutdown => policy::FailureKind::Shutdown,
        FailureKind::Silent => policy::FailureKind::Silent,
        FailureKind::Regressed => policy::FailureKind::Regressed,
        FailureKind::Other => policy::FailureKind::Other,
    }
}

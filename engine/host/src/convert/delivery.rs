use std::time::Duration;

use windlass_model::{Failure, FailureKind, Release, Verification};

use super::{Projection, attributes, cut, device_record};
use crate::{
    Capabilities, DeviceState, Job, PluginErrorKind,
    bindings::{
        protocol::{self, DeliveryError},
        types,
    },
    guest::escape,
    limits::FACTS,
};

/// The job as a plugin with this projection sees it.
pub(crate) fn job_record(job: &Job, projection: &Projection) -> protocol::Job {
    protocol::Job {
        device: device_record(&job.device, projection),
        release: release_record(&job.release),
        assignment_id: job.assignment.to_string(),
        attempt_id: job.attempt.0.get(),
        attempt: job.number,
        checkpoint: job.checkpoint.clone(),
    }
}

fn release_record(release: &Release) -> types::Release {
    types::Release {
        name: release.name.clone(),
        version: release.version.clone(),
        size: release.size,
        sha256: release.sha256.0.to_vec(),
        media_type: release.media_type.clone(),
    }
}

/// What a delivery's error means for the assignment.
pub(crate) fn failure(error: DeliveryError) -> Failure {
    match error {
        DeliveryError::Unreachable(text) => failed(FailureKind::Unreachable, &text),
        DeliveryError::TimedOut(text) => failed(FailureKind::TimedOut, &text),
        DeliveryError::Interrupted(text) => failed(FailureKind::Interrupted, &text),
        DeliveryError::Rejected(text) => failed(FailureKind::Rejected, &text),
        DeliveryError::Unauthorized(text) => failed(FailureKind::Unauthorized, &text),
        DeliveryError::Incompatible(text) => failed(FailureKind::Incompatible, &text),
        DeliveryError::Corrupt(text) => failed(FailureKind::Corrupt, &text),
        DeliveryError::Busy((after, text)) => Failure {
            retry_after: after.map(Duration::from_millis),
            ..failed(FailureKind::Busy, &text)
        },
        DeliveryError::DeviceError(text) => failed(FailureKind::DeviceError, &text),
        DeliveryError::Source(text) => failed(FailureKind::Source, &text),
        DeliveryError::Other(text) => failed(FailureKind::Other, &text),
    }
}

/// Devices write into these texts what they like.
fn failed(kind: FailureKind, text: &str) -> Failure {
    Failure::new(kind, escape(text).replace('\n', " "))
}

pub(crate) fn verification(said: protocol::Verification) -> Verification {
    match said {
        protocol::Verification::RunsRelease => Verification::RunsRelease,
        protocol::Verification::RunsOther(version) => {
            Verification::RunsOther(cut(escape(&version)))
        }
        protocol::Verification::Busy => Verification::Busy,
        protocol::Verification::CannotTell => Verification::CannotTell,
    }
}

/// What a probe found out, if it is what the contract allows.
pub(crate) fn device_state(said: protocol::DeviceState) -> Result<DeviceState, PluginErrorKind> {
    if said.facts.len() > FACTS {
        return Err(PluginErrorKind::Contract(
            format!(
                "it answered with {} facts, of which {FACTS} are allowed",
                said.facts.len()
            )
            .into(),
        ));
    }
    Ok(DeviceState {
        reachable: said.reachable,
        version: said.version.map(|version| cut(escape(&version))),
        facts: attributes(said.facts),
    })
}

impl From<protocol::Capabilities> for Capabilities {
    fn from(said: protocol::Capabilities) -> Self {
        let has = |flag| said.contains(flag);
        Self {
            probes: has(protocol::Capabilities::PROBES),
            verifies: has(protocol::Capabilities::VERIFIES),
            idempotent_push: has(protocol::Capabilities::IDEMPOTENT_PUSH),
            resumes: has(protocol::Capabilities::RESUMES),
            interprets: has(protocol::Capabilities::INTERPRETS),
        }
    }
}

//! What one attempt keeps for the next.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use windlass_sdk::{Job, job, log, serde::Deserialize, serde_json};

use super::location::Location;

/// An upload that was created on the device, and what it is an upload of.
#[derive(serde::Serialize, Deserialize)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
struct Checkpoint {
    upload: String,
    sha256: String,
    size: u64,
}

/// Keeps an upload. One that cannot be kept is gone on with all the same, for only a
/// break would miss it.
pub(super) fn keep(of: &Job, upload: &Location) {
    let checkpoint = Checkpoint {
        upload: upload.to_string(),
        sha256: STANDARD.encode(&of.release.sha256),
        size: of.release.size,
    };
    let kept = serde_json::to_vec(&checkpoint)
        .map_err(|error| error.to_string())
        .and_then(|data| job::checkpoint(&data));
    if let Err(why) = kept {
        log::warn(format!("a break would begin anew: {why}"));
    }
}

/// Keeps that there is nothing to go on with.
pub(super) fn clear() {
    if let Err(why) = job::checkpoint(&[]) {
        log::warn(format!("the ended upload is not forgotten: {why}"));
    }
}

/// The upload that the last attempt kept, if it is one of this release at this address.
pub(super) fn kept(of: &Job) -> Option<Location> {
    let data = of.checkpoint.as_deref()?;
    let checkpoint: Checkpoint = serde_json::from_slice(data).ok()?;
    let same = checkpoint.size == of.release.size
        && checkpoint.sha256 == STANDARD.encode(&of.release.sha256);
    same.then(|| Location::again(&checkpoint.upload, &of.device.address))?
}

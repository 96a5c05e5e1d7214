//! What a delivery tells the host while a job runs.

use crate::host;

/// The largest checkpoint.
pub const CHECKPOINT_LIMIT: usize = 4 * 1024;

/// Reports how many bytes of the payload, counted from its start, the device is known
/// to hold. Needed only where bytes are transformed: the host counts by itself what it
/// passes through.
pub fn report(bytes: u64) {
    host::report(bytes);
}

/// Keeps up to [`CHECKPOINT_LIMIT`] bytes for the next attempt on this device, where
/// they come back in [`Job::checkpoint`](crate::Job::checkpoint): an upload's URL, an
/// offset. Replaces the last one. An attempt that dies within a second may lose it.
///
/// # Errors
/// A sentence, if the host does not take it.
pub fn checkpoint(data: &[u8]) -> Result<(), String> {
    host::checkpoint(data)
}

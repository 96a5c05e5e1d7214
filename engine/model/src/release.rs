use serde::{Deserialize, Serialize};

use crate::{ReleaseKey, Sha256};

/// An immutable payload with name and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Such as `pos-app`.
    pub name: String,
    /// Such as `2.3.0`.
    pub version: String,
    /// Of the payload, in bytes; at least 1.
    pub size: u64,
    /// Of the payload.
    pub sha256: Sha256,
    /// Such as `application/octet-stream`.
    pub media_type: String,
}

/// A release with its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRelease {
    /// Its row.
    pub key: ReleaseKey,
    /// The release.
    pub release: Release,
}

use std::path::PathBuf;

use windlass_model::Sha256;

/// Why a payload cannot be delivered. Found before any device is touched.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// There is no such file.
    #[error("the payload {path} does not exist")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A directory, socket or device node.
    #[error("the payload {path} is not a regular file")]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// 0 bytes: no device can tell it from a broken transfer.
    #[error("the payload {path} is empty")]
    Empty {
        /// The empty file.
        path: PathBuf,
    },
    /// The bytes are not the ones that were named.
    #[error("the payload has the SHA-256 {found}, not {expected}")]
    OtherDigest {
        /// As configured.
        expected: Sha256,
        /// As computed.
        found: Sha256,
    },
    /// Reading failed.
    #[error("the payload {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// The server did not give it.
    #[error("the payload cannot be downloaded from {url}: {reason}")]
    Download {
        /// Without credentials and query.
        url: String,
        /// What the server or the network said.
        reason: String,
    },
    /// The cache on disk cannot be used.
    #[error("the payload cache {path} cannot be used")]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: std::io::Error,
    },
}

//! The release's bytes: found, hashed and pinned before any device is touched, then read
//! in blocks that all devices share.
//!
//! `file` is a payload that devices read in place, and `contents` its bytes on disk with
//! their hashes; `download` brings a URL into the content-addressed cache first, where it is
//! a file like any other. Between disk and devices, `blocks` reads each block once for all,
//! and `window` says which ones are in memory.

mod blocks;
mod contents;
mod download;
mod error;
mod file;
mod window;

use std::path::Path;

use windlass_model::Sha256;

pub use download::{DownloadCache, DownloadObserver, Fetched};
pub use error::PayloadError;
pub use file::PinnedFile;

/// Where a payload comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadLocation {
    /// A local file, read in place.
    File(std::path::PathBuf),
    /// An `http://` or `https://` URL.
    Url(url::Url),
}

/// Finds, hashes and pins a payload.
///
/// # Errors
/// Every way in which the bytes are missing, empty, unreadable or not the expected ones.
pub async fn open(
    location: &PayloadLocation,
    expected: Option<Sha256>,
    media_type: &str,
    cache: &DownloadCache,
    observer: &dyn DownloadObserver,
) -> Result<PinnedFile, PayloadError> {
    match location {
        PayloadLocation::File(path) => open_file(path, expected, media_type).await,
        PayloadLocation::Url(url) => {
            let kept = cache.fetch(url, expected, observer).await?;
            match open_file(&kept.path, Some(kept.sha256), media_type).await {
                Err(PayloadError::OtherDigest { .. }) => {
                    // The disk changed what was kept: it is fetched once more.
                    cache.discard(&kept).await;
                    let kept = cache.fetch(url, expected, observer).await?;
                    open_file(&kept.path, Some(kept.sha256), media_type).await
                }
                opened => opened,
            }
        }
    }
}

async fn open_file(
    path: &Path,
    expected: Option<Sha256>,
    media_type: &str,
) -> Result<PinnedFile, PayloadError> {
    let path = path.to_owned();
    let media_type = media_type.to_owned();
    crate::tasks::blocking(move || PinnedFile::open(&path, expected, &media_type)).await
}

use windlass_runtime::payload::{
    self, DownloadCache, DownloadObserver, PayloadError, PayloadLocation, PinnedFile,
};

use super::with_causes;
use crate::{
    config::{Config, PayloadLocation as Configured, ReleaseSection},
    diagnostic::Diagnostic,
};

/// Finds, hashes and pins a release's bytes.
pub(super) async fn open(
    config: &Config,
    release: &ReleaseSection,
    progress: &dyn DownloadObserver,
) -> Result<PinnedFile, Diagnostic> {
    let payload = &release.payload;
    let location = match &payload.value {
        Configured::File(path) => PayloadLocation::File(path.clone()),
        Configured::Url(text) => PayloadLocation::Url(text.parse().map_err(|error| {
            config.error_at(payload.span, format!("the payload's URL is none: {error}"))
        })?),
    };
    let expected = release.sha256.as_ref().map(|digest| digest.value);
    let cache = DownloadCache::new(config.engine.cache.join("payloads"));
    payload::open(&location, expected, &release.media_type, &cache, progress)
        .await
        .map_err(|error| diagnose(config, release, &error))
}

fn diagnose(config: &Config, release: &ReleaseSection, error: &PayloadError) -> Diagnostic {
    let payload = release.payload.span;
    if let PayloadError::Download { .. } = error {
        // Without the line of the file: the URL in it may hold a secret.
        return Diagnostic::error(error.to_string());
    }
    let diagnostic = match error {
        PayloadError::OtherDigest { found, .. } => {
            let span = release
                .sha256
                .as_ref()
                .map_or(payload, |digest| digest.span);
            config
                .error_at(
                    span,
                    "the payload has another SHA-256 than the configuration says",
                )
                .note(format!("the payload's is {found}"))
                .help("get the right file, or correct `sha256` if the file is the right one")
        }
        PayloadError::Empty { .. } => config
            .error_at(payload, error.to_string())
            .help("a release has at least one byte: was the build interrupted?"),
        PayloadError::Missing { .. } => config
            .error_at(payload, error.to_string())
            .help("paths are relative to the configuration file"),
        PayloadError::NotAFile { .. }
        | PayloadError::Unreadable { .. }
        | PayloadError::Download { .. }
        | PayloadError::Cache { .. } => config.error_at(payload, error.to_string()),
    };
    with_causes(diagnostic, error)
}

//! `Repr-Digest` (RFC 9530).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use windlass_model::Sha256;

#[derive(Clone, Copy)]
pub(crate) struct BadDigestHeader;

/// Whether what was found is what was announced and expected; `None` if nothing was
/// announced, expected or found.
pub(crate) fn compare(
    headers: &HeaderMap,
    expected: Option<Sha256>,
    found: Option<Sha256>,
) -> Result<Option<bool>, BadDigestHeader> {
    let Some(found) = found else {
        return Ok(None);
    };
    let announced = match headers.get("repr-digest") {
        Some(value) => sha256_of(value.to_str().map_err(|_| BadDigestHeader)?)?,
        None => None,
    };
    let mut wanted = announced.into_iter().chain(expected).peekable();
    Ok(wanted
        .peek()
        .is_some()
        .then(|| wanted.all(|wanted| wanted == found)))
}

/// The SHA-256 among the digests; other algorithms are passed over.
fn sha256_of(value: &str) -> Result<Option<Sha256>, BadDigestHeader> {
    let member = value.split(',').find_map(|member| {
        let (algorithm, digest) = member.split_once('=')?;
        (algorithm.trim() == "sha-256").then_some(digest)
    });
    let Some(member) = member else {
        return Ok(None);
    };
    let encoded = member
        .trim()
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'))
        .ok_or(BadDigestHeader)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| BadDigestHeader)?;
    let digest = bytes.try_into().map_err(|_| BadDigestHeader)?;
    Ok(Some(Sha256(digest)))
}

//! Header fields as `exchange` passes them: lines, as they are on the wire.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memchr;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, p2::bindings::http::types::ErrorCode};

use crate::{bindings::exchange::ExchangeError, limits::HTTP_FIELD_BYTES};

/// What a header counts for beside its line, as `wasi:http` counts.
const OVERHEAD: usize = size_of::<HeaderName>() + size_of::<HeaderValue>();

/// The host's business. A static, because a constant of names is made and dropped anew wherever it
/// is looked at.
static FORBIDDEN: [HeaderName; 9] = DEFAULT_FORBIDDEN_HEADERS;

/// Adds what a guest wrote to `headers`, whose values stay where they are in `lines`.
///
/// Nothing is overlooked or mended: a CR or LF beside those that end lines is no part of a
/// name or value, and neither is what stands before a colon after a space.
pub(super) fn parse(lines: Vec<u8>, headers: &mut HeaderMap) -> Result<(), ExchangeError> {
    let lines = Bytes::from(lines);
    let mut size = lines.len();
    let mut rest = &lines[..];
    while !rest.is_empty() {
        size += OVERHEAD;
        if size > HTTP_FIELD_BYTES {
            let size = u32::try_from(size).ok();
            return Err(ErrorCode::HttpRequestHeaderSectionSize(size).into());
        }
        let end = memchr(b'\n', rest);
        let (line, later) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        let colon = memchr(b':', line);
        let name = &line[..colon.unwrap_or(line.trim_ascii_end().len())];
        let refused = || ExchangeError::Header(String::from_utf8_lossy(name).into_owned());
        let value = colon.and_then(|colon| line[colon + 1..].strip_suffix(b"\r\n"));
        let value = lines.slice_ref(without_blanks(value.ok_or_else(refused)?));
        let known = HeaderName::from_bytes(name).map_err(|_| refused())?;
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| refused())?;
        if FORBIDDEN.contains(&known) {
            return Err(refused());
        }
        headers.append(known, value);
        rest = later;
    }
    Ok(())
}

/// `value` without the spaces and tabs around it, which are the line's and not the value's.
fn without_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', inner @ ..] | [inner @ .., b' ' | b'\t'] = value {
        value = inner;
    }
    value
}

/// The lines of what a device answered with, but for what is the host's business.
pub(super) fn lines(headers: &HeaderMap) -> Vec<u8> {
    let mut lines = Vec::with_capacity(ROOM);
    for (name, value) in headers {
        if !FORBIDDEN.contains(name) {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                lines.extend_from_slice(part);
            }
        }
    }
    lines
}

/// Room for the headers of a usual answer.
const ROOM: usize = 256;

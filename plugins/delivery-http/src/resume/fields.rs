//! The header fields of resumable uploads, which are structured fields (RFC 9651). A
//! value of another form is as good as none, as the draft wants it.

use windlass_sdk::http::Response;

/// The newest iteration of the draft that named a number. Devices compare it only for
/// interim answers, which `wasi:http` does not show.
pub(super) const INTEROP_VERSION: (&str, &str) = ("Upload-Draft-Interop-Version", "8");

/// An item without its parameters.
fn item(response: &Response, name: &str) -> Option<String> {
    let value = response.header(name)?;
    let bare = value.split(';').next().unwrap_or_default();
    Some(bare.trim().to_owned())
}

/// The value of an integer field: `Upload-Offset` or `Upload-Length`.
pub(super) fn integer(response: &Response, name: &str) -> Option<u64> {
    parse_integer(&item(response, name)?)
}

/// `Upload-Complete`.
pub(super) fn complete(response: &Response) -> Option<bool> {
    match item(response, "Upload-Complete")?.as_str() {
        "?1" => Some(true),
        "?0" => Some(false),
        _ => None,
    }
}

/// A member of `Upload-Limit`.
pub(super) fn limit(response: &Response, key: &str) -> Option<u64> {
    let value = response.header("Upload-Limit")?;
    value.split(',').find_map(|member| {
        let (name, value) = member.split_once('=')?;
        let bare = value.split(';').next().unwrap_or_default();
        (name.trim() == key).then(|| parse_integer(bare.trim()))?
    })
}

fn parse_integer(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

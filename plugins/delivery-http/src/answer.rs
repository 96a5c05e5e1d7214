//! What a device's answers mean.

use std::time::SystemTime;

use windlass_sdk::{DeliveryError, http::Response, serde::Deserialize, serde_json};

use crate::retry_after;

/// How much of a refusal's body is shown to operators, in bytes.
const EXCERPT: usize = 256;

pub(crate) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// The error that an answer other than the one hoped for stands for.
pub(crate) fn refusal(response: Response, expected: Option<u16>) -> DeliveryError {
    let status = response.status();
    if (300..400).contains(&status) {
        let location = response.header("Location").unwrap_or_default();
        response.discard();
        return DeliveryError::rejected(format!(
            "the device answered {status} and points to {location:?}; redirects are not \
             followed, so give the final address"
        ));
    }
    let after = response.header("Retry-After").and_then(|value| {
        let date = response.header("Date");
        retry_after::parse(&value, date.as_deref(), SystemTime::now())
    });
    let text = sentence(status, expected, &response.excerpt(EXCERPT));
    match status {
        401 | 403 => DeliveryError::unauthorized(text),
        408 | 425 | 429 | 500..=599 if after.is_some() => DeliveryError::busy(after, text),
        425 | 429 | 503 => DeliveryError::busy(None, text),
        408 | 504 => DeliveryError::timed_out(text),
        500..=599 => DeliveryError::device_error(text),
        _ => DeliveryError::rejected(text),
    }
}

fn sentence(status: u16, expected: Option<u16>, excerpt: &str) -> String {
    let mut text = format!("the device answered {status}");
    if let Some(expected) = expected {
        text.push_str(&format!(" where {expected} was expected"));
    }
    if !excerpt.is_empty() {
        text.push_str(": ");
        text.push_str(excerpt);
    }
    text
}

/// The version in the answer to a request for it.
pub(crate) fn version(body: &[u8]) -> Result<String, DeliveryError> {
    #[derive(Deserialize)]
    #[serde(crate = "windlass_sdk::serde")]
    struct Answer {
        version: String,
    }

    serde_json::from_slice::<Answer>(body)
        .map(|answer| answer.version)
        .map_err(|error| {
            DeliveryError::device_error(format!(
                "the device's answer is no JSON object with a version: {error}"
            ))
        })
}

//! What the errors of `wasi:http` mean for a delivery.

use crate::{
    DeliveryError,
    bindings::delivery::{
        wasi::{
            http::types::{ErrorCode, http_error_code},
            io::error::Error,
        },
        windlass::plugin::exchange::ExchangeError,
    },
    http,
};

/// A broken stream: what HTTP says of it, or else its own text.
pub(super) fn of_stream(error: &Error) -> DeliveryError {
    match http_error_code(error) {
        Some(code) => of_http(code),
        None => DeliveryError::interrupted(error.to_debug_string()),
    }
}

/// A request that got no answer.
pub(super) fn of_exchange(error: ExchangeError) -> DeliveryError {
    match error {
        ExchangeError::Header(name) => http::refused(&name),
        ExchangeError::OutOfRange => {
            DeliveryError::other("a range outside the payload was asked for")
        }
        ExchangeError::LeaseEnded => DeliveryError::other("the payload's job has ended"),
        ExchangeError::Http(code) => of_http(code),
    }
}

/// Retried or not by one question: could the same request succeed later without
/// anyone changing anything?
pub(super) fn of_http(code: ErrorCode) -> DeliveryError {
    match code {
        ErrorCode::DnsTimeout => DeliveryError::unreachable("no name server answered in time"),
        ErrorCode::DnsError(_) => DeliveryError::unreachable("the address's name was not found"),
        ErrorCode::DestinationNotFound => DeliveryError::unreachable("no such host"),
        ErrorCode::DestinationUnavailable => {
            DeliveryError::unreachable("the host is not available")
        }
        ErrorCode::DestinationIpProhibited => {
            DeliveryError::other("the engine does not allow connections to this address")
        }
        ErrorCode::DestinationIpUnroutable => {
            DeliveryError::unreachable("there is no route to the device")
        }
        ErrorCode::ConnectionRefused => {
            DeliveryError::unreachable("the device refused the connection")
        }
        ErrorCode::ConnectionTimeout => {
            DeliveryError::unreachable("the connection was not made in time")
        }
        ErrorCode::ConnectionTerminated => DeliveryError::interrupted("the connection broke"),
        ErrorCode::ConnectionReadTimeout => DeliveryError::timed_out("the device stopped sending"),
        ErrorCode::ConnectionWriteTimeout => {
            DeliveryError::timed_out("the device stopped receiving")
        }
        ErrorCode::ConnectionLimitReached => {
            DeliveryError::busy(None, "the engine has no connection to spare")
        }
        ErrorCode::TlsProtocolError => {
            DeliveryError::unreachable("the device does not speak TLS as it should")
        }
        ErrorCode::TlsCertificateError => {
            DeliveryError::other("the device's certificate is not trusted")
        }
        ErrorCode::TlsAlertReceived(_) => {
            DeliveryError::unreachable("the device broke off the TLS handshake")
        }
        ErrorCode::HttpRequestDenied => DeliveryError::other("the engine denied the request"),
        ErrorCode::HttpRequestLengthRequired => {
            DeliveryError::other("the request needs a Content-Length")
        }
        ErrorCode::HttpRequestBodySize(_) => {
            DeliveryError::other("the request's body is not of the length announced")
        }
        ErrorCode::HttpRequestMethodInvalid => DeliveryError::other("the HTTP method is not one"),
        ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestUriTooLong => {
            DeliveryError::other("address and path make no URL")
        }
        ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_) => {
            DeliveryError::other("the request's headers are too large")
        }
        ErrorCode::HttpResponseIncomplete => {
            DeliveryError::interrupted("the connection broke before the whole answer came")
        }
        ErrorCode::HttpResponseTimeout => DeliveryError::timed_out("the device did not answer"),
        ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_) => {
            DeliveryError::device_error("the device's answer is too large")
        }
        ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_)
        | ErrorCode::HttpUpgradeFailed
        | ErrorCode::HttpProtocolError => {
            DeliveryError::device_error("the device's answer is no proper HTTP")
        }
        ErrorCode::LoopDetected => DeliveryError::other("the request came back to the engine"),
        ErrorCode::ConfigurationError => {
            DeliveryError::other("the engine is not configured for this request")
        }
        // Nothing is known of the cause, so the next attempt may fare better.
        ErrorCode::InternalError(why) => DeliveryError::interrupted(
            why.unwrap_or_else(|| "the engine could not say why".to_owned()),
        ),
    }
}

use std::{io, net::IpAddr, time::Duration};

use wasmtime_wasi_http::{
    Error,
    p2::bindings::http::types::{DnsErrorPayload, ErrorCode},
};

use super::Special;
use crate::{lease::LeaseError, payload::SourceError};

/// Why a request was not even tried. Texts name no header value and no path: those may
/// carry secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Scheme, host or port are not the lease's.
    #[error("the job may reach {granted} only")]
    Elsewhere {
        /// What it may reach, for people.
        granted: String,
    },
    /// A URI that is not `scheme://host:port/path`.
    #[error("the request's address is malformed: {0}")]
    Malformed(&'static str),
    /// The `Host` header names another host than the address.
    #[error("the Host header differs from the request's address")]
    HostHeader,
    /// A header that only the host may set.
    #[error("the header {0} may not be set")]
    Header(http::HeaderName),
    /// A method that is not about a resource of the device.
    #[error("the method {0} may not be used")]
    Method(http::Method),
    /// `Content-Length` is repeated, malformed or not what the body measures.
    #[error("Content-Length does not fit the body")]
    ContentLength,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The lease does not allow it.
    #[error("the request is not allowed")]
    Denied(#[source] Denial),
    /// The name resolved to an address that is never dialled.
    #[error("{address} is {special}, which is never dialled")]
    Prohibited {
        /// The address.
        address: IpAddr,
        /// What it is.
        special: Special,
    },
    /// The name did not resolve.
    #[error("the device's name cannot be resolved")]
    Unresolved(#[source] io::Error),
    /// No address accepted a connection.
    #[error("the device cannot be connected to")]
    Connect(#[source] io::Error),
    /// No address accepted a connection in time.
    #[error("the device did not accept a connection within {0:?}")]
    ConnectTimedOut(Duration),
    /// The TLS handshake failed, or the certificate is not trusted.
    #[error("the device's TLS handshake failed")]
    Tls(#[source] io::Error),
    /// Nothing moved for the idle time.
    #[error("nothing moved for {0:?}")]
    Idle(Duration),
    /// The job's deadline passed.
    #[error("the job's time is over")]
    Deadline,
    /// The connection broke before the answer's head was complete.
    #[error("the connection broke")]
    Interrupted(#[source] hyper::Error),
    /// What came back is no HTTP answer within our limits.
    #[error("the device's answer cannot be understood")]
    Answer(#[source] hyper::Error),
    /// The answer announces a body that is too large.
    #[error("the device's answer of {size} bytes exceeds the limit of {limit}")]
    AnswerTooLarge {
        /// Bytes announced.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The request's body failed: the guest did not finish it.
    #[error("the request's body was not finished")]
    Body(#[source] hyper::Error),
    /// The payload could not be read; ours, not the device's.
    #[error("the payload cannot be sent")]
    Source(#[source] SourceError),
    /// The job is over.
    #[error("the request was cut off")]
    Lease(#[source] LeaseError),
    /// The I/O runtime is shutting down.
    #[error("the host is shutting down")]
    Shutdown,
}

/// What a guest is told.
impl From<EgressError> for ErrorCode {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Denied(Denial::Malformed(_)) => Self::HttpRequestUriInvalid,
            EgressError::Denied(Denial::Method(_)) => Self::HttpRequestMethodInvalid,
            EgressError::Denied(_) => Self::HttpRequestDenied,
            EgressError::Prohibited { .. } => Self::DestinationIpProhibited,
            EgressError::Unresolved(_) => Self::DnsError(DnsErrorPayload {
                rcode: None,
                info_code: None,
            }),
            EgressError::Connect(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Self::ConnectionRefused
            }
            EgressError::Connect(_) => Self::DestinationUnavailable,
            EgressError::ConnectTimedOut(_) => Self::ConnectionTimeout,
            EgressError::Tls(error) if is_certificate(&error) => Self::TlsCertificateError,
            EgressError::Tls(_) => Self::TlsProtocolError,
            EgressError::Idle(_) | EgressError::Deadline => Self::HttpResponseTimeout,
            EgressError::Interrupted(_) => Self::ConnectionTerminated,
            EgressError::Answer(_) => Self::HttpProtocolError,
            EgressError::AnswerTooLarge { size, .. } => Self::HttpResponseBodySize(Some(size)),
            EgressError::Body(_)
            | EgressError::Source(_)
            | EgressError::Lease(_)
            | EgressError::Shutdown => Self::InternalError(Some(error.to_string())),
        }
    }
}

impl From<EgressError> for Error {
    fn from(error: EgressError) -> Self {
        ErrorCode::from(error).into()
    }
}

fn is_certificate(error: &io::Error) -> bool {
    matches!(
        error
            .get_ref()
            .and_then(|source| source.downcast_ref::<rustls::Error>()),
        Some(rustls::Error::InvalidCertificate(_))
    )
}

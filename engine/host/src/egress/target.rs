use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header,
    uri::{self, PathAndQuery},
};

use super::error::Denial;

/// A device address that cannot be leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL with scheme and host.
    #[error("the address is not a URL with scheme and host")]
    NotAUrl,
    /// It carries a user name or password: those belong into the configuration's secrets.
    #[error("the address may not carry a user name or password")]
    Credentials,
}

/// A place that a job may reach: scheme, host and port, nothing of the path.
#[derive(Clone, Debug)]
pub struct Target(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    place: Place,
    /// As it goes into `Host`.
    authority: HeaderValue,
    /// What the host was found to be; at most once in a job.
    resolved: OnceLock<Vec<SocketAddr>>,
}

/// What makes two targets the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    /// `None` for schemes without a port of their own in an address that names none.
    pub(super) port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scheme {
    Http,
    Https,
    /// Spoken over sockets, if at all.
    Other(Arc<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Host {
    Literal(IpAddr),
    /// In lower case.
    Name(Arc<str>),
}

/// Headers that frame messages and connections; they are the host's business. The names
/// agree with those that wasi:http forbids, except `Host`, which is compared. A static, because a
/// constant of names is made and dropped anew wherever it is looked at.
static FRAMING: [HeaderName; 6] = [
    header::CONNECTION,
    header::UPGRADE,
    header::TRANSFER_ENCODING,
    header::TE,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
];

impl Target {
    /// The place that a device's address names.
    ///
    /// # Errors
    ///
    /// If it is no URL with scheme and host, or carries credentials.
    pub fn parse(address: &str) -> Result<Self, TargetError> {
        let uri: Uri = address.parse().map_err(|_| TargetError::NotAUrl)?;
        let place = Place::of(&uri).map_err(|fault| match fault {
            Fault::Credentials => TargetError::Credentials,
            Fault::Incomplete | Fault::Port => TargetError::NotAUrl,
        })?;
        let authority = uri.authority().ok_or(TargetError::NotAUrl)?;
        let authority =
            HeaderValue::from_str(authority.as_str()).map_err(|_| TargetError::NotAUrl)?;
        Ok(Self(Arc::new(Inner {
            place,
            authority,
            resolved: OnceLock::new(),
        })))
    }

    /// The addresses its host stands for, if they are known: at once for a literal one,
    /// for a name once the egress has resolved it for this job.
    pub fn addresses(&self) -> &[SocketAddr] {
        match (&self.0.place.host, self.0.place.port) {
            (Host::Literal(address), Some(port)) => self
                .0
                .resolved
                .get_or_init(|| vec![SocketAddr::new(*address, port)]),
            (Host::Literal(_) | Host::Name(_), _) => {
                self.0.resolved.get().map_or(&[], Vec::as_slice)
            }
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.0.place
    }

    /// Keeps what the name was resolved to. The first answer stays for the whole job.
    pub(super) fn resolved(&self, addresses: Vec<SocketAddr>) -> &[SocketAddr] {
        self.0.resolved.get_or_init(|| addresses)
    }

    /// Whether `uri` means this place.
    fn is_meant_by(&self, uri: &Uri) -> Result<bool, Fault> {
        Place::of(uri).map(|place| place == self.0.place)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { scheme, host, port } = &self.0.place;
        match scheme {
            Scheme::Http => f.write_str("http://")?,
            Scheme::Https => f.write_str("https://")?,
            Scheme::Other(scheme) => write!(f, "{scheme}://")?,
        }
        match host {
            Host::Literal(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            Host::Literal(IpAddr::V4(address)) => address.fmt(f)?,
            Host::Name(name) => f.write_str(name)?,
        }
        port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

enum Fault {
    Incomplete,
    Credentials,
    Port,
}

impl Place {
    fn of(uri: &Uri) -> Result<Self, Fault> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(Fault::Incomplete);
        };
        if authority.as_str().contains('@') {
            return Err(Fault::Credentials);
        }
        let scheme = if *scheme == uri::Scheme::HTTP {
            Scheme::Http
        } else if *scheme == uri::Scheme::HTTPS {
            Scheme::Https
        } else {
            Scheme::Other(scheme.as_str().to_ascii_lowercase().into())
        };
        let port = match (port_text(authority), &scheme) {
            (Some(port), _) => Some(port.parse().map_err(|_| Fault::Port)?),
            (None, Scheme::Http) => Some(80),
            (None, Scheme::Https) => Some(443),
            (None, Scheme::Other(_)) => None,
        };
        Ok(Self {
            scheme,
            host: Host::parse(authority.host()).ok_or(Fault::Incomplete)?,
            port,
        })
    }
}

/// What stands behind the host's colon; `Authority::port` swallows malformed ones.
fn port_text(authority: &uri::Authority) -> Option<&str> {
    authority
        .as_str()
        .strip_prefix(authority.host())?
        .strip_prefix(':')
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let literal = match text.strip_prefix('[') {
            Some(rest) => return rest.strip_suffix(']')?.parse().ok().map(Self::Literal),
            None => text.parse().ok(),
        };
        match literal {
            Some(address) => Some(Self::Literal(address)),
            None if text.is_empty() => None,
            None => Some(Self::Name(text.to_ascii_lowercase().into())),
        }
    }
}

/// A request that may be sent to `target`, in the form that goes on the wire.
pub(super) struct Admitted<B> {
    pub(super) target: Target,
    pub(super) request: Request<B>,
    /// What `Content-Length` says, if the guest set it.
    pub(super) content_length: Option<u64>,
}

/// Finds the target that `request` means among `reach` and brings the request into origin
/// form.
pub(super) fn admit<B>(reach: &[Target], request: Request<B>) -> Result<Admitted<B>, Denial> {
    let (mut parts, body) = request.into_parts();
    let target = meant(reach, &parts.uri)?.clone();
    if parts.method == Method::CONNECT {
        return Err(Denial::Method(parts.method));
    }
    parts.uri = origin_form(&parts.uri)?;
    parts.version = Version::HTTP_11;
    check_headers(&parts.headers, &target)?;
    parts
        .headers
        .insert(header::HOST, target.0.authority.clone());
    Ok(Admitted {
        content_length: content_length(&parts.headers)?,
        target,
        request: Request::from_parts(parts, body),
    })
}

fn meant<'a>(reach: &'a [Target], uri: &Uri) -> Result<&'a Target, Denial> {
    for target in reach {
        match target.is_meant_by(uri) {
            Ok(true) => return Ok(target),
            Ok(false) => {}
            Err(Fault::Incomplete) => return Err(Denial::Malformed("no scheme or no host")),
            Err(Fault::Credentials) => return Err(Denial::Malformed("a user name or password")),
            Err(Fault::Port) => return Err(Denial::Malformed("the port is no number")),
        }
    }
    Err(Denial::Elsewhere {
        granted: reach
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    })
}

fn origin_form(uri: &Uri) -> Result<Uri, Denial> {
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    if path.as_str().starts_with('/') {
        Ok(Uri::from(path))
    } else {
        Err(Denial::Malformed("the path does not begin with a slash"))
    }
}

fn check_headers(headers: &HeaderMap, target: &Target) -> Result<(), Denial> {
    let foreign_host = headers.get_all(header::HOST).iter().any(|host| {
        host != target.0.authority
            && !host
                .as_bytes()
                .eq_ignore_ascii_case(target.0.authority.as_bytes())
    });
    if foreign_host {
        return Err(Denial::HostHeader);
    }
    match FRAMING.iter().find(|name| headers.contains_key(*name)) {
        Some(name) => Err(Denial::Header(name.clone())),
        None => Ok(()),
    }
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Denial> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let (first, second) = (values.next(), values.next());
    match (first, second) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .map(Some)
            .ok_or(Denial::ContentLength),
        (Some(_), Some(_)) => Err(Denial::ContentLength),
    }
}

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, crypto::ring, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    net::{TcpStream, lookup_host},
    sync::OnceCell,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    address,
    connection::Connection,
    driver::Driver,
    error::EgressError,
    meter::{Metered, Wire},
    pool::Key,
    shared::Shared,
    target::{Host, Scheme, Target},
};

/// A name with more addresses than this is tried at the first ones only.
const MAX_ADDRESSES: usize = 8;
/// What HTTP may buffer a connection, each way. Bodies are passed on as they are, so more
/// gains nothing.
const MAX_BUFFER: usize = 64 * 1024;
/// Longest head of an answer, and longest trailers, in bytes.
const MAX_HEADERS: usize = 32 * 1024;

/// What one dial needs.
pub(super) struct Dial {
    pub(super) key: Key,
    pub(super) target: Target,
    pub(super) connect: Duration,
    pub(super) tls: Arc<OnceCell<Arc<ClientConfig>>>,
    pub(super) shared: Arc<Shared>,
}

/// Resolves, connects and shakes hands. Must be awaited in the context of the I/O runtime.
pub(super) async fn run(dial: Dial) -> Result<Connection, EgressError> {
    let opened = timeout(dial.connect, dial.open()).await;
    let wire = opened.unwrap_or(Err(EgressError::ConnectTimedOut(dial.connect)))?;
    let handshake = Builder::new()
        .max_buf_size(MAX_BUFFER)
        .max_header_size(MAX_HEADERS)
        .handshake(TokioIo::new(wire))
        .await;
    let (sender, connection) = handshake.map_err(EgressError::Interrupted)?;
    let driver = Driver::new(connection, Arc::clone(&dial.shared));
    Ok(Connection::new(dial.key, dial.shared, sender, driver))
}

impl Dial {
    async fn open(&self) -> Result<Wire, EgressError> {
        let stream = self.connect(resolve(&self.target).await?).await?;
        // Requests are written whole; waiting for more only adds latency.
        stream.set_nodelay(true).map_err(EgressError::Connect)?;
        let stream = Metered::new(stream, Arc::clone(&self.shared));
        match &self.target.place().scheme {
            Scheme::Http => Ok(Wire::Plain(stream)),
            Scheme::Https => self.secure(stream).await.map_err(EgressError::Tls),
            Scheme::Other(_) => Err(EgressError::Connect(io::ErrorKind::Unsupported.into())),
        }
    }

    /// Tries one address after the other, each for its share of the time.
    async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, EgressError> {
        let deadline = Instant::now() + self.connect;
        let mut last = EgressError::ConnectTimedOut(self.connect);
        for (tried, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let connecting = TcpStream::connect(address);
            let connected = if left == 1 {
                // Its share is all that is left, and whoever called bounds that.
                Ok(connecting.await)
            } else {
                let share = deadline.saturating_duration_since(Instant::now()) / left;
                timeout(share, connecting).await
            };
            match connected {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = EgressError::Connect(error),
                Err(_) => {}
            }
        }
        Err(last)
    }

    async fn secure(&self, stream: Metered) -> io::Result<Wire> {
        let config = self.tls.get_or_try_init(tls_config).await?;
        let name = match &self.target.place().host {
            Host::Literal(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.to_string()).map_err(io::Error::other)?,
        };
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await?;
        Ok(Wire::Tls(Box::new(stream)))
    }
}

/// The addresses of `target` that may be dialled, resolved at most once a job.
pub(super) async fn resolve(target: &Target) -> Result<&[SocketAddr], EgressError> {
    let place = target.place();
    let port = place
        .port
        .ok_or_else(|| EgressError::Unresolved(io::ErrorKind::InvalidInput.into()))?;
    let found = match &place.host {
        Host::Literal(_) => target.addresses().to_vec(),
        Host::Name(_) if !target.addresses().is_empty() => return Ok(target.addresses()),
        Host::Name(name) => lookup_host((&**name, port))
            .await
            .map_err(EgressError::Unresolved)?
            .take(MAX_ADDRESSES)
            .collect(),
    };
    let mut allowed = Vec::with_capacity(found.len());
    let mut refused = None;
    for socket in found {
        match address::special(socket.ip()) {
            None => allowed.push(socket),
            Some(special) => {
                refused = Some(EgressError::Prohibited {
                    address: socket.ip(),
                    special,
                });
            }
        }
    }
    match (allowed.is_empty(), refused) {
        (false, _) => Ok(target.resolved(allowed)),
        (true, Some(refused)) => Err(refused),
        (true, None) => Err(EgressError::Unresolved(io::ErrorKind::NotFound.into())),
    }
}

/// Trust as the operating system has it. Loading it reads files, so it is done once and
/// not on an I/O thread, and only if a device is reached by https at all.
async fn tls_config() -> io::Result<Arc<ClientConfig>> {
    tokio::task::spawn_blocking(|| {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(io::Error::other)?
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    })
    .await
    .map_err(io::Error::other)?
}

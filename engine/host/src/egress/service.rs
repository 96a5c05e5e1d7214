use std::{error::Error as _, net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, Response, Version, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use rustix::process::{Resource, getrlimit};
use rustls::ClientConfig;
use tokio::{runtime::Handle, sync::OnceCell, time::timeout};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::{
    address,
    connection::{Connection, TaskGuard},
    dial::{self, Dial},
    error::{Denial, EgressError},
    gathered::{GatheredBody, SMALL_ANSWER},
    outgoing::LeasedBody,
    pool::{Key, Pool},
    response::AnswerBody,
    shared::{Shared, Verdict},
    target::{Admitted, Scheme, admit},
};
use crate::lease::Lease;

/// Longest wait for a kept connection that is not done with its last request: a new one costs less.
const READY_WITHIN: Duration = Duration::from_millis(100);
/// Longest time for resolving, connecting and the TLS handshake together, unless the lease
/// or the guest asks for less.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most connections kept for nobody in particular, however many descriptors there are.
const MAX_IDLE_CONNECTIONS: usize = 1024;
/// How long one is kept: shorter than common servers do, so that reuse seldom fails.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// How the egress keeps connections.
#[derive(Clone, Copy, Debug)]
pub struct EgressConfig {
    /// Most unused connections, in total. 0 keeps none.
    pub idle_connections: usize,
    /// How long an unused one is kept.
    pub idle_time: Duration,
}

impl EgressConfig {
    /// For an egress that at most `jobs` use at once: as many connections are kept as could be
    /// wanted again at once, by the next job at the same place or by what verifies a push.
    /// More would go cold, and most of a fleet is never met again while they are kept.
    pub fn for_jobs(jobs: usize) -> Self {
        let most = Self::default();
        Self {
            idle_connections: jobs.min(most.idle_connections),
            ..most
        }
    }
}

impl Default for EgressConfig {
    /// A quarter of the descriptors that the process may have, at most 1,024, for 30 s.
    fn default() -> Self {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self {
            idle_connections: usize::try_from(descriptors / 4)
                .unwrap_or(usize::MAX)
                .min(MAX_IDLE_CONNECTIONS),
            idle_time: IDLE_TIME,
        }
    }
}

/// How long one request may wait.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For resolving, connecting and the TLS handshake together.
    pub connect: Duration,
    /// While nothing moves, in either direction: it bounds the wait for the answer's head
    /// and between its bytes.
    pub idle: Duration,
}

impl Timeouts {
    /// What `lease` allows and a guest may shorten. A guest's time-out between bytes is
    /// not obeyed: idle time says the same of both directions.
    pub fn new(lease: &Lease, options: Option<&RequestOptions>) -> Self {
        let idle = lease.terms().idle;
        let asked = options.copied().unwrap_or_default();
        Self {
            connect: asked
                .connect_timeout
                .unwrap_or(CONNECT_TIMEOUT)
                .min(CONNECT_TIMEOUT)
                .min(idle),
            idle: asked.first_byte_timeout.unwrap_or(idle).min(idle),
        }
    }
}

/// The one way out. Cheap to clone; connections end with the last clone.
#[derive(Clone)]
pub struct Egress {
    io: Handle,
    pool: Arc<Pool>,
    tls: Arc<OnceCell<Arc<ClientConfig>>>,
}

impl Egress {
    /// An egress whose connections live on the runtime of `io`.
    pub fn new(io: Handle, config: EgressConfig) -> Self {
        Self {
            pool: Arc::new(Pool::new(io.clone(), config)),
            io,
            tls: Arc::default(),
        }
    }

    /// Sends `request` under `lease` and waits for the head of the answer. Must be awaited in
    /// the context of the runtime that connections live on; whoever awaits it moves the bytes.
    /// Dropping the future aborts the request.
    ///
    /// The request's body reaches the device as complete only if it ended while the lease
    /// was in order. The connection is one of the same plugin to the same place, if one is
    /// at hand; if that turns out closed before it took anything of the request, the
    /// request goes out once more over a new one.
    ///
    /// # Errors
    ///
    /// See [`EgressError`]. Errors of the answer's body come from the body.
    pub async fn send(
        &self,
        lease: &Arc<Lease>,
        request: Request<WasiBody>,
        timeouts: Timeouts,
    ) -> Result<Response<WasiBody>, EgressError> {
        lease.check().map_err(EgressError::Lease)?;
        let admitted = admit(&lease.terms().reach, request).map_err(EgressError::Denied)?;
        let length = framed_length(&admitted).map_err(EgressError::Denied)?;
        let Admitted {
            target, request, ..
        } = admitted;
        let (mut parts, body) = request.into_parts();
        let takes_content = [Method::POST, Method::PUT, Method::PATCH].contains(&parts.method);
        if takes_content && body.is_end_stream() {
            // Left out by hyper, demanded by small servers.
            parts.headers.insert(header::CONTENT_LENGTH, 0.into());
        }

        let key = Key {
            plugin: lease.terms().plugin.clone(),
            place: target.place().clone(),
        };
        let dial = || {
            // Boxed, because most requests find a connection.
            Box::pin(self.dial(
                lease,
                Dial {
                    key: key.clone(),
                    target: target.clone(),
                    connect: timeouts.connect,
                    tls: Arc::clone(&self.tls),
                    shared: Arc::new(Shared::lent(Arc::clone(lease), timeouts.idle)),
                },
            ))
        };
        let (mut connection, mut is_reused) = match self.reuse(lease, &key, timeouts.idle).await {
            Some(connection) => (connection, true),
            None => (dial().await?, false),
        };
        let body = Box::new(LeasedBody::new(
            body,
            length,
            Arc::clone(lease),
            Arc::clone(&connection.shared),
        ));
        let mut request = Request::from_parts(parts, body);
        loop {
            request.body().finish_if_empty();
            let mut failure = match connection.send(request).await {
                Ok(response) => return self.answer(lease, response, connection).await,
                Err(failure) => failure,
            };
            match failure.take_message() {
                Some(untouched) if is_reused => {
                    is_reused = false;
                    connection = dial().await?;
                    request = untouched;
                    request.body_mut().rebind(Arc::clone(&connection.shared));
                }
                Some(_) | None => {
                    return Err(why(failure.into_error(), &connection, lease));
                }
            }
        }
    }

    /// Resolves everything that `lease` reaches by name, so that
    /// [`allows_socket`](Self::allows_socket) knows its addresses.
    ///
    /// # Errors
    ///
    /// If a name does not resolve, or to addresses only that are never dialled.
    pub async fn resolve(&self, lease: &Lease) -> Result<(), EgressError> {
        let reach = lease.terms().reach.clone();
        let task = self.io.spawn(async move {
            for target in &reach {
                dial::resolve(target).await?;
            }
            Ok(())
        });
        let _aborted_with_us = TaskGuard(task.abort_handle());
        task.await.map_err(|_| EgressError::Shutdown)?
    }

    /// Whether a guest's own socket may talk to `address`: only to what the lease reaches,
    /// at the port it names.
    pub fn allows_socket(&self, lease: &Lease, address: SocketAddr) -> bool {
        let is_same = |known: &SocketAddr| {
            known.port() == address.port()
                && known.ip().to_canonical() == address.ip().to_canonical()
        };
        lease.check().is_ok()
            && address::special(address.ip()).is_none()
            && lease
                .terms()
                .reach
                .iter()
                .any(|target| target.addresses().iter().any(is_same))
    }

    /// Connections that are open and unused.
    pub fn idle_connections(&self) -> usize {
        self.pool.len()
    }

    /// A kept connection that is still open and ready for a request, lent to `lease`.
    async fn reuse(&self, lease: &Arc<Lease>, key: &Key, idle: Duration) -> Option<Connection> {
        while let Some(mut connection) = self.pool.take(key) {
            if connection.is_closed() || !connection.shared.is_quiet() {
                continue;
            }
            connection.shared.lend(Arc::clone(lease), idle);
            // Nothing to wait for, unless a task is about to end the last answer.
            if let Ok(true) = timeout(READY_WITHIN, connection.ready()).await {
                return Some(connection);
            }
        }
        None
    }

    async fn dial(&self, lease: &Lease, dial: Dial) -> Result<Connection, EgressError> {
        let connection = dial::run(dial).await?;
        lease.moved();
        Ok(connection)
    }

    async fn answer(
        &self,
        lease: &Arc<Lease>,
        response: Response<Incoming>,
        mut connection: Connection,
    ) -> Result<Response<WasiBody>, EgressError> {
        let limit = lease.terms().response_limit;
        let size = response.body().size_hint().lower();
        if size > limit {
            return Err(EgressError::AnswerTooLarge { size, limit });
        }
        let is_small = response
            .body()
            .size_hint()
            .upper()
            .is_some_and(|size| size <= SMALL_ANSWER);
        if !is_small {
            connection.settle(&self.io);
        }
        let pool = (!is_last(&response)).then(|| Arc::clone(&self.pool));
        let (head, incoming) = response.into_parts();
        let body = AnswerBody::new(incoming, connection, pool, Arc::clone(lease));
        let body = if is_small {
            GatheredBody::new(body, Arc::clone(lease))
                .await
                .boxed_unsync()
        } else {
            body.boxed_unsync()
        };
        Ok(Response::from_parts(head, body))
    }
}

/// Whether the connection ends with this answer. What HTTP/1.0 keeps open is not worth a rule.
fn is_last(response: &Response<Incoming>) -> bool {
    let says_close = |value: &HeaderValue| {
        let mut options = value.as_bytes().split(|byte| *byte == b',');
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
    };
    let mut said = response.headers().get_all(header::CONNECTION).iter();
    response.version() < Version::HTTP_11 || said.any(says_close)
}

/// What the body measures, if header or body know it.
fn framed_length(admitted: &Admitted<WasiBody>) -> Result<Option<u64>, Denial> {
    if let Scheme::Other(_) = admitted.target.place().scheme {
        return Err(Denial::Malformed("the device does not speak HTTP"));
    }
    match (
        admitted.content_length,
        admitted.request.body().size_hint().exact(),
    ) {
        (Some(said), Some(measured)) if said != measured => Err(Denial::ContentLength),
        (said, measured) => Ok(said.or(measured)),
    }
}

/// The reason behind hyper's error: our own doing comes first, because it is the cause of
/// what hyper saw.
fn why(error: hyper::Error, connection: &Connection, lease: &Lease) -> EgressError {
    if let Some(failure) = lease.source_failure() {
        return EgressError::Source(failure.clone());
    }
    match connection.shared.verdict() {
        Some(Verdict::Idle(idle)) => return EgressError::Idle(idle),
        Some(Verdict::Deadline) => return EgressError::Deadline,
        None => {}
    }
    if let Err(ended) = lease.check() {
        EgressError::Lease(ended)
    } else if error.source().is_some_and(|source| source.is::<Error>()) {
        EgressError::Body(error)
    } else if error.is_user() {
        EgressError::Shutdown
    } else if error.is_parse() {
        EgressError::Answer(error)
    } else {
        EgressError::Interrupted(error)
    }
}

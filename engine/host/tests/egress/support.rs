//! A device made of a bare socket, and the host's side of a job.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::{BodyExt, Empty, Full};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::WasiBody;
use windlass_host::{
    egress::{Egress, EgressConfig, EgressError, Target, Timeouts},
    lease::{DEFAULT_RESPONSE_LIMIT, JobObserver, Lease, LeaseTerms},
    payload::{BLOCK_SIZE, PayloadSource, SourceError},
};
use windlass_model::{PluginName, Sha256};

/// Long enough that no test runs into it unless it means to.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

pub(crate) fn egress() -> Egress {
    Egress::new(Handle::current(), EgressConfig::default())
}

/// Terms for a device at `address`, to be changed where a test needs it.
pub(crate) fn terms(address: &str) -> LeaseTerms {
    LeaseTerms {
        generation: 1,
        plugin: PluginName::new("http"),
        reach: vec![Target::parse(address).expect("tests name valid addresses")],
        idle: LONG,
        deadline: Instant::now() + 2 * LONG,
        response_limit: DEFAULT_RESPONSE_LIMIT,
        payload_size: u64::MAX,
        cancel: CancellationToken::new(),
        observer: Arc::new(Watcher::default()),
        throttles: Vec::new(),
    }
}

pub(crate) fn lease(address: &str) -> Arc<Lease> {
    Lease::new(terms(address))
}

/// Hears of progress.
#[derive(Default)]
pub(crate) struct Watcher {
    pub(crate) progress: AtomicU64,
}

impl JobObserver for Watcher {
    fn progress(&self, bytes: u64) {
        let before = self.progress.swap(bytes, Ordering::Relaxed);
        assert!(before <= bytes, "progress never goes back");
    }

    fn checkpoint(&self, _: Vec<u8>) {}
}

pub(crate) fn empty() -> WasiBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn full(bytes: &'static [u8]) -> WasiBody {
    Full::from(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub(crate) fn post(url: &str, body: WasiBody) -> Request<WasiBody> {
    Request::post(url)
        .body(body)
        .expect("tests make valid requests")
}

/// Sends a request and reads the answer to its end.
pub(crate) async fn exchange(
    egress: &Egress,
    lease: &Arc<Lease>,
    request: Request<WasiBody>,
) -> Result<Bytes, EgressError> {
    let timeouts = Timeouts::new(lease, None);
    let response = egress.send(lease, request, timeouts).await?;
    Ok(response
        .into_body()
        .collect()
        .await
        .expect("the answer is complete")
        .to_bytes())
}

/// A listening device and its URL.
pub(crate) async fn device() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let url = url(listener.local_addr().expect("it is bound"));
    (listener, url)
}

pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}/update")
}

/// What a device got of one request.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the request came to its end by the rules of HTTP.
    pub(crate) is_complete: bool,
}

/// Reads one request as a device would: until it is complete or the connection ends.
/// `None` if the connection ends before a byte.
pub(crate) async fn receive(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 256 * 1024];
    loop {
        if let Some(received) = parse(&bytes).filter(|received| received.is_complete) {
            return Some(received);
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return parse(&bytes),
            Ok(length) => bytes.extend_from_slice(&chunk[..length]),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Received> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let rest = &bytes[end..];
    let (body, is_complete) = if head.contains("transfer-encoding: chunked") {
        chunked(rest)
    } else {
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |text| text.parse().expect("a number"));
        (rest.to_vec(), rest.len() >= length)
    };
    Some(Received {
        head,
        body,
        is_complete,
    })
}

fn chunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).expect("a chunk size");
        let size = usize::from_str_radix(size, 16).expect("a chunk size");
        let data = &rest[line + 2..];
        if data.len() < size + 2 {
            break;
        }
        body.extend_from_slice(&data[..size]);
        rest = &data[size + 2..];
        if size == 0 {
            return (body, true);
        }
    }
    (body, false)
}

/// Answers every request of every connection with `answer` until the listener is dropped
/// with the returned task.
pub(crate) async fn serve(listener: TcpListener, answer: &'static [u8]) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("it listens");
        tokio::spawn(async move {
            while let Some(Received {
                is_complete: true, ..
            }) = receive(&mut stream).await
            {
                if stream.write_all(answer).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// A payload of `size` bytes that fails from block `fails_from` on, and is never cached.
pub(crate) struct Source {
    pub(crate) size: u64,
    pub(crate) fails_from: u64,
}

impl Source {
    pub(crate) fn sound(size: u64) -> Arc<Self> {
        Arc::new(Self {
            size,
            fails_from: u64::MAX,
        })
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        (0..self.size).map(byte_at).collect()
    }
}

fn byte_at(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

impl PayloadSource for Source {
    fn size(&self) -> u64 {
        self.size
    }

    fn sha256(&self) -> Sha256 {
        Sha256([0; 32])
    }

    fn media_type(&self) -> &str {
        "application/octet-stream"
    }

    fn cached(&self, _: u64) -> Option<Bytes> {
        None
    }

    fn load(&self, block: u64) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if block >= self.fails_from {
                return Err(SourceError::Changed("block edited".into()));
            }
            let start = block * BLOCK_SIZE;
            Ok((start..(start + BLOCK_SIZE).min(self.size))
                .map(byte_at)
                .collect())
        })
    }
}

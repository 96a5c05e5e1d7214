use std::{
    convert::Infallible,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode, body::Incoming, header::CONTENT_TYPE, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    sync::watch,
};

use crate::process;

/// Thousands dial at once.
const BACKLOG: i32 = 4096;

#[derive(Default)]
struct Shared {
    heads: AtomicU64,
    pushes: AtomicU64,
    bytes: AtomicU64,
    wrong: AtomicU64,
    check: AtomicBool,
    refuse: AtomicBool,
}

/// Serves until standard input ends. The first line that it prints is its port.
pub(crate) async fn serve() -> Result<()> {
    let shared = Arc::new(Shared::default());
    let (hold, held) = watch::channel(false);
    let listener = listen()?;
    say(listener.local_addr()?.port())?;
    tokio::spawn(accept(listener, Arc::clone(&shared), held));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "check on" => shared.check.store(true, Ordering::SeqCst),
            "check off" => shared.check.store(false, Ordering::SeqCst),
            "refuse" => shared.refuse.store(true, Ordering::SeqCst),
            "hold" => drop(hold.send(true)),
            "go on" => drop(hold.send(false)),
            _ => {}
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        say(format_args!(
            "{} {} {} {} {}",
            count(&shared.heads),
            count(&shared.pushes),
            count(&shared.bytes),
            count(&shared.wrong),
            process::own_cpu().as_nanos(),
        ))?;
    }
    Ok(())
}

fn say(what: impl std::fmt::Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}")?;
    Ok(out.flush()?)
}

fn listen() -> Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into()).context("the listener could not be made")
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, held: watch::Receiver<bool>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Answers are written whole.
        drop(stream.set_nodelay(true));
        let (shared, held) = (Arc::clone(&shared), held.clone());
        let service = service_fn(move |request| take(request, Arc::clone(&shared), held.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn take(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    mut held: watch::Receiver<bool>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    shared.heads.fetch_add(1, Ordering::Relaxed);
    // Nobody is held any more when the sender is gone.
    drop(held.wait_for(|held| !held).await);
    let (parts, mut body) = request.into_parts();
    let mut hasher = shared.check.load(Ordering::Relaxed).then(Sha256::new);
    let mut bytes = 0;
    let mut broken = false;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Some(data) = frame.data_ref() {
                    bytes += data.len() as u64;
                    if let Some(hasher) = &mut hasher {
                        hasher.update(data);
                    }
                }
            }
            Err(_) => broken = true,
        }
    }
    let is_wrong = hasher.is_some_and(|hasher| {
        let found = format!("sha-256=:{}:", STANDARD.encode(hasher.finalize()));
        parts
            .headers
            .get("repr-digest")
            .is_none_or(|said| said.as_bytes() != found.as_bytes())
    });
    if broken || is_wrong {
        shared.wrong.fetch_add(1, Ordering::Relaxed);
    } else {
        shared.pushes.fetch_add(1, Ordering::Relaxed);
    }
    shared.bytes.fetch_add(bytes, Ordering::Relaxed);
    let mut response = Response::new(Full::from(&br#"{"success":true}"#[..]));
    if shared.refuse.load(Ordering::Relaxed) {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response.headers_mut().insert(
        CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

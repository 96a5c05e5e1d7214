//! The control listener: what a fleet in another process tells and is told. Its requests
//! are in the documentation of the crate.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::choice::{Choice, ChoiceError};
use crate::export;
use crate::http_api::{Reply, reply, text};
use crate::listener::ACCEPT_REST;
use crate::shared::Shared;

/// Enough for the ids of every device of the largest fleet that anybody names one by one.
const MOST_CHOICE_BYTES: usize = 4 * 1024 * 1024;

/// Binds the listener. Call it on the runtime.
pub(crate) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Answers until `stop`.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    // Dropped with this task, it aborts what is left.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to the control listener");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| {
                let shared = &shared;
                async move { Ok::<_, std::convert::Infallible>(answer(shared, request).await) }
            });
            let mut http = http1::Builder::new();
            let connection = http.half_close(false);
            if let Err(error) = connection
                .serve_connection(TokioIo::new(stream), service)
                .await
            {
                tracing::debug!(%error, "a connection to the control listener broke");
            }
        });
    }
    connections.shutdown().await;
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Reply {
    type Act = fn(&Shared, &Choice) -> Result<Vec<String>, ChoiceError>;
    let path = request.uri().path();
    let act: Act = match (request.method(), path) {
        (&Method::GET, "/report") => return json(serde_json::to_vec(&shared.report())),
        (&Method::GET, "/devices") => {
            let mut body = Vec::new();
            let written = export::write(shared, &mut body);
            return json(written.map(|()| body).map_err(serde_json::Error::io));
        }
        (&Method::POST, "/connect") => Shared::connect,
        (&Method::POST, "/disconnect") => Shared::disconnect,
        (_, "/report" | "/devices" | "/connect" | "/disconnect") => {
            return text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
        }
        _ => return text(StatusCode::NOT_FOUND, "Not found"),
    };
    let body = Limited::new(request.into_body(), MOST_CHOICE_BYTES);
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error),
    };
    let choice = match serde_json::from_slice(&body) {
        Ok(choice) => choice,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error),
    };
    match act(shared, &choice) {
        Ok(ids) => json(serde_json::to_vec(&Choice::Devices(ids))),
        Err(error @ ChoiceError::NoSuchDevice(_)) => refused(StatusCode::NOT_FOUND, &error),
        Err(error @ ChoiceError::Share(_)) => refused(StatusCode::BAD_REQUEST, &error),
    }
}

fn json(body: serde_json::Result<Vec<u8>>) -> Reply {
    match body {
        Ok(body) => reply(StatusCode::OK, "application/json", body.into()),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

fn refused(status: StatusCode, why: &dyn std::fmt::Display) -> Reply {
    let body = Bytes::from(format!("{why}\n"));
    reply(status, "text/plain; charset=utf-8", body)
}

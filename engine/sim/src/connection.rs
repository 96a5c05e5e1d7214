//! One accepted connection.

use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::device::Device;
use crate::http_api;
use crate::seats::Seat;
use crate::shared::Shared;

/// Bytes read ahead of a device with limited bandwidth: the sender must feel the limit, and
/// a cut must come near its byte.
const LIMITED_READ_AHEAD: usize = 16 * 1024;
/// The same in the kernel. Several of loopback's segments of 64 KiB: with less room than
/// one, the window closes and opens only by the sender's probes, which back off for seconds.
const LIMITED_RECEIVE_BUFFER: usize = 256 * 1024;

pub(crate) async fn serve(stream: TcpStream, device: Arc<Device>, shared: Arc<Shared>, seat: Seat) {
    let mut builder = http1::Builder::new();
    builder.half_close(false);
    if device.behaviour.bandwidth.is_some() {
        builder.max_buf_size(LIMITED_READ_AHEAD);
        let socket = socket2::SockRef::from(&stream);
        if let Err(error) = socket.set_recv_buffer_size(LIMITED_RECEIVE_BUFFER) {
            tracing::debug!(%error, "the receive buffer keeps its size");
        }
    }
    seat.rest();
    let service = service_fn(|request| {
        let (device, shared, seat) = (&device, &shared, &seat);
        async move {
            seat.busy();
            let reply = http_api::answer(shared, device, request).await;
            seat.rest();
            reply
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut gone = pin!(device.presence.goes_offline());
    let mut closing = false;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = gone.as_mut() => return,
            () = seat.closes(), if !closing => {
                connection.as_mut().graceful_shutdown();
                closing = true;
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(device = device.index, %error, "connection broke");
    }
}

/// Closes a connection so that its peer sees a reset and not an orderly end.
pub(crate) fn reset(stream: TcpStream) {
    // Without it the peer sees an end of file, which a sender must survive as well.
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection is closed in order instead of reset");
    }
    drop(stream);
}

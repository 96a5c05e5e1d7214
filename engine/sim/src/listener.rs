//! Listening sockets and the tasks that accept from them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::address;
use crate::connection;
use crate::device::Device;
use crate::shared::Shared;

/// Connections that the kernel holds until we accept them; it caps this at `somaxconn`.
const BACKLOG: i32 = 4096;
/// How long accepting rests after the process ran out of descriptors.
pub(crate) const ACCEPT_REST: Duration = Duration::from_millis(20);

/// A bound socket that does not listen: connecting to it is refused.
pub(crate) fn bind(address: Ipv4Addr, port: u16) -> io::Result<(Socket, u16)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // A fleet that is started again on its port must not wait for old connections.
    if port != 0 {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&SocketAddr::from((address, port)).into())?;
    let bound = socket.local_addr()?.as_socket();
    let port = bound.map_or(port, |bound| bound.port());
    Ok((socket, port))
}

/// Starts listening. Call it on the runtime.
pub(crate) fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts until `stop`, for the one device or, without it, for all devices by the
/// address that a connection came in on.
pub(crate) async fn accept(
    listener: TcpListener,
    only: Option<Arc<Device>>,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
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
                tracing::warn!(%error, "cannot accept a connection");
                shared.seats.relieve();
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let Some(device) = only.clone().or_else(|| owner(&stream, &shared)) else {
            shared.count_stray();
            continue;
        };
        if !device.takes_connection() {
            connection::reset(stream);
            continue;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small answers may be delayed");
        }
        let seat = tokio::select! {
            () = stop.cancelled() => break,
            seat = shared.seats.take() => seat,
        };
        connections.spawn(connection::serve(stream, device, Arc::clone(&shared), seat));
    }
    connections.shutdown().await;
}

/// Waits until the device with a port of its own is online, then accepts for it.
pub(crate) async fn accept_when_online(
    socket: Socket,
    device: Arc<Device>,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    if device.behaviour.never_listens() {
        // Holding the socket keeps the port from anybody else.
        stop.cancelled().await;
        return;
    }
    tokio::select! {
        () = stop.cancelled() => return,
        () = device.presence.comes_online() => {}
    }
    match listen(socket) {
        Ok(listener) => accept(listener, Some(device), shared, stop).await,
        Err(error) => tracing::warn!(%error, device = device.index, "cannot listen"),
    }
}

/// The device that the connection was made to.
fn owner(stream: &TcpStream, shared: &Shared) -> Option<Arc<Device>> {
    let address = stream.local_addr().ok()?.ip();
    let index = address::index_of(address)?;
    shared.devices.get(index).cloned()
}

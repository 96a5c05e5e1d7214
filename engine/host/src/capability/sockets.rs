use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use wasmtime_wasi::{WasiCtxBuilder, sockets::SocketAddrUse};

use crate::{egress::Egress, lease::Lease};

/// The lease that an instance's sockets are judged by: the check is made once with the
/// instance, the lease comes with each job.
#[derive(Clone, Default)]
pub(crate) struct SocketLease(Arc<Mutex<Option<Arc<Lease>>>>);

impl SocketLease {
    /// Puts the sockets under `lease`, or under none.
    pub(crate) fn set(&self, lease: Option<Arc<Lease>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }

    fn get(&self) -> Option<Arc<Lease>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Allows `builder`'s guest to connect by TCP to where its job may go, and nothing
    /// else: no listening, no UDP, no name lookup (names are a way to carry data out).
    pub(crate) fn rule(&self, builder: &mut WasiCtxBuilder, egress: Arc<Egress>) {
        let leased = self.clone();
        builder
            .allow_tcp(true)
            .socket_addr_check(move |address, usage| {
                let allowed = leased.allows(&egress, address, usage);
                Box::pin(std::future::ready(allowed))
            });
    }

    fn allows(&self, egress: &Egress, address: SocketAddr, usage: SocketAddrUse) -> bool {
        match usage {
            SocketAddrUse::TcpConnect => self
                .get()
                .is_some_and(|lease| egress.allows_socket(&lease, address)),
            // Connecting binds to the wildcard address first.
            SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
            SocketAddrUse::TcpListen
            | SocketAddrUse::TcpAccept
            | SocketAddrUse::UdpBind
            | SocketAddrUse::UdpSend
            | SocketAddrUse::UdpReceive => false,
        }
    }
}

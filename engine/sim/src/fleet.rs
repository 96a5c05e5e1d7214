//! The running fleet.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use socket2::Socket;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::address::address_of;
use crate::device::Device;
use crate::export::{self, DeviceRecord};
use crate::gauge::Gauge;
use crate::ledger::RequestSample;
use crate::listener;
use crate::report::{Counts, DeviceReport, Report};
use crate::seats::Seats;
use crate::spec::{Addressing, FleetSpec, SpecError};

/// What the tasks of a fleet share.
pub(crate) struct Shared {
    pub(crate) spec: FleetSpec,
    pub(crate) devices: Vec<Arc<Device>>,
    pub(crate) seats: Arc<Seats>,
    pub(crate) pushes: Gauge,
    pub(crate) begun: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) aborted: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) installed: AtomicU64,
    strays: AtomicU64,
    /// Told whenever a counter of a push changes.
    pub(crate) changed: Notify,
}

impl Shared {
    pub(crate) fn count_stray(&self) {
        self.strays.fetch_add(1, Ordering::SeqCst);
    }
}

/// Why a fleet did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The specification makes no sense.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A socket could not be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where; port 0 is any.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Simulated devices that answer until the fleet is stopped or dropped.
pub struct Fleet {
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Fleet {
    /// Binds every address and starts to answer. Devices are reachable when it returns.
    /// Call it on a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// If the specification makes no sense, or a socket cannot be bound.
    pub fn start(spec: FleetSpec) -> Result<Self, StartError> {
        spec.check()?;
        match spec.addressing {
            Addressing::Loopback { port } => Self::start_shared(spec, port),
            Addressing::Ports { address } => Self::start_ports(spec, address),
        }
    }

    fn start_shared(spec: FleetSpec, port: u16) -> Result<Self, StartError> {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let failed = |source| StartError::Listen { address, source };
        let (socket, port) = listener::bind(Ipv4Addr::UNSPECIFIED, port).map_err(failed)?;
        let listener = listener::listen(socket).map_err(failed)?;
        let mut fleet = Self::new(spec, 1, |index| (address_of(index), port).into());
        let accepting = listener::accept(
            listener,
            None,
            Arc::clone(&fleet.shared),
            fleet.stop.clone(),
        );
        fleet.tasks.spawn(accepting);
        Ok(fleet)
    }

    fn start_ports(spec: FleetSpec, address: Ipv4Addr) -> Result<Self, StartError> {
        let bound = (0..spec.count).map(|_| listener::bind(address, 0));
        let bound: Vec<(Socket, u16)> =
            bound
                .collect::<io::Result<_>>()
                .map_err(|source| StartError::Listen {
                    address: (address, 0).into(),
                    source,
                })?;
        let (sockets, ports): (Vec<Socket>, Vec<u16>) = bound.into_iter().unzip();
        let mut fleet = Self::new(spec, sockets.len(), |index| (address, ports[index]).into());
        for (socket, device) in sockets.into_iter().zip(&fleet.shared.devices) {
            let (shared, device) = (Arc::clone(&fleet.shared), Arc::clone(device));
            let stop = fleet.stop.clone();
            if device.is_online() && !device.behaviour.never_listens() {
                let address = device.address;
                let listener = listener::listen(socket)
                    .map_err(|source| StartError::Listen { address, source })?;
                let accepting = listener::accept(listener, Some(device), shared, stop);
                fleet.tasks.spawn(accepting);
            } else {
                let waiting = listener::accept_when_online(socket, device, shared, stop);
                fleet.tasks.spawn(waiting);
            }
        }
        Ok(fleet)
    }

    fn new(spec: FleetSpec, listeners: usize, address: impl Fn(usize) -> SocketAddr) -> Self {
        let started = Instant::now();
        let devices = (0..spec.count)
            .map(|index| Arc::new(Device::new(&spec, index, address(index), started)))
            .collect();
        let shared = Shared {
            spec,
            devices,
            seats: Seats::new(listeners),
            pushes: Gauge::default(),
            begun: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            aborted: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            installed: AtomicU64::new(0),
            strays: AtomicU64::new(0),
            changed: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Brings an offline device online. Returns once new connections to it are taken, or
    /// for a device with a port of its own, soon will be. Does nothing for an index that
    /// no device has.
    pub fn connect(&self, index: usize) {
        if let Some(device) = self.shared.devices.get(index) {
            device.connect();
        }
    }

    /// The devices as a rollout's device file names them, with the status and version
    /// that they have now.
    pub fn devices(&self) -> impl Iterator<Item = DeviceRecord> {
        self.shared
            .devices
            .iter()
            .map(|device| DeviceRecord::of(device))
    }

    /// Writes [`Fleet::devices`] as a JSON array.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn export(&self, to: impl Write) -> io::Result<()> {
        export::write(self.devices(), to)
    }

    /// The headers of the last push to a device, unless bodies are only counted.
    pub fn last_push(&self, index: usize) -> Option<RequestSample> {
        let device = self.shared.devices.get(index)?;
        let book = device.ledger.book();
        (book.begun > 0).then(|| book.sample.clone())
    }

    /// The counters now. Each is exact; together they are no snapshot while pushes run.
    pub fn counts(&self) -> Counts {
        let shared = &self.shared;
        Counts {
            begun: shared.begun.load(Ordering::SeqCst),
            completed: shared.completed.load(Ordering::SeqCst),
            aborted: shared.aborted.load(Ordering::SeqCst),
            cut: shared.cut.load(Ordering::SeqCst),
            installed: shared.installed.load(Ordering::SeqCst),
            in_flight: shared.pushes.inside(),
            connections: shared.seats.open.inside(),
        }
    }

    /// Returns as soon as the counters satisfy the condition, which is asked whenever a
    /// counter of a push changes. It is not told of connections alone.
    pub async fn until(&self, condition: impl Fn(Counts) -> bool) -> Counts {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let counts = self.counts();
            if condition(counts) {
                return counts;
            }
            changed.await;
        }
    }

    /// What happened so far.
    pub fn report(&self) -> Report {
        let rows = self.shared.devices.iter().map(|device| row(device));
        let mut report = Report::sum(rows.collect());
        report.totals.strays = self.shared.strays.load(Ordering::SeqCst);
        report.totals.peak_pushes = self.shared.pushes.peak() as u64;
        report.totals.peak_connections = self.shared.seats.open.peak() as u64;
        report
    }

    /// Closes every socket, waits for every task and gives the final report.
    pub async fn stop(mut self) -> Report {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.report()
    }
}

fn row(device: &Device) -> DeviceReport {
    let ledger = &device.ledger;
    let mut book = ledger.book();
    DeviceReport {
        index: device.index,
        id: device.id(),
        connections: ledger.connections.load(Ordering::SeqCst),
        refused: ledger.refused.load(Ordering::SeqCst),
        requests: ledger.requests.load(Ordering::SeqCst),
        begun: book.begun,
        completed: book.completed,
        aborted: book.aborted,
        cut: book.cut,
        installed: book.installed,
        wrong_bytes: book.wrong_bytes,
        bytes: ledger.bytes.load(Ordering::SeqCst),
        peak_pushes: ledger.in_flight.peak() as u64,
        last_sha256: book.last_sha256,
        last_right: book.last_right,
        installed_sha256: book.software.newest().sha256,
        version: book.software.running(Instant::now()).to_owned(),
        versions: book.software.versions.clone(),
        attempts: book.attempts.clone(),
        first_push: book.first,
        last_push: book.last,
    }
}

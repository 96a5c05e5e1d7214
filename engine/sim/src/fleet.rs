//! The running fleet.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use socket2::Socket;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::address::address_of;
use crate::choice::{Choice, ChoiceError};
use crate::control;
use crate::device::Device;
use crate::export::{self, DeviceRecord};
use crate::ledger::RequestSample;
use crate::listener;
use crate::report::{Counts, Report};
use crate::shared::Shared;
use crate::spec::{Addressing, FleetSpec, SpecError};

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
    control: Option<SocketAddr>,
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
        let control = spec.control;
        let mut fleet = match spec.addressing {
            Addressing::Loopback { port } => Self::start_shared(spec, port),
            Addressing::Ports { address } => Self::start_ports(spec, address),
        }?;
        if let Some(address) = control {
            fleet.start_control(address)?;
        }
        Ok(fleet)
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
            if device.presence.is_online() && !device.behaviour.never_listens() {
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

    fn start_control(&mut self, address: SocketAddr) -> Result<(), StartError> {
        let failed = |source| StartError::Listen { address, source };
        let listener = control::bind(address).map_err(failed)?;
        self.control = Some(listener.local_addr().map_err(failed)?);
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        self.tasks.spawn(control::serve(listener, shared, stop));
        Ok(())
    }

    fn new(spec: FleetSpec, listeners: usize, address: impl Fn(usize) -> SocketAddr) -> Self {
        let started = Instant::now();
        let devices = (0..spec.count)
            .map(|index| Arc::new(Device::new(&spec, index, address(index), started)))
            .collect();
        Self {
            shared: Arc::new(Shared::new(spec, devices, listeners)),
            control: None,
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Where the control listener is, if [`FleetSpec::control`] asked for one.
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.control
    }

    /// The index of the device of this id.
    pub fn index_of(&self, id: &str) -> Option<usize> {
        let mut devices = self.shared.devices.iter();
        devices.position(|device| device.id() == id)
    }

    /// Brings an offline device online. Returns once new connections to it are taken, or
    /// for a device with a port of its own, soon will be. Does nothing for an index that
    /// no device has.
    pub fn connect(&self, index: usize) {
        if let Some(device) = self.shared.devices.get(index) {
            device.presence.connect();
        }
    }

    /// Takes a device offline: its connections break, and new ones are reset, also on a
    /// port of its own. Does nothing for an index that no device has.
    pub fn disconnect(&self, index: usize) {
        if let Some(device) = self.shared.devices.get(index) {
            device.presence.disconnect();
        }
    }

    /// Has a device fall back now that will some day ([`Fault::FallBack`]): for a test that
    /// must not depend on how long anything takes. Whether it does.
    ///
    /// [`Fault::FallBack`]: crate::Fault::FallBack
    pub fn fall_back(&self, index: usize) -> bool {
        let device = self.shared.devices.get(index);
        device.is_some_and(|device| device.falls_back())
    }

    /// Brings these devices online, as [`Fleet::connect`], and gives the ids of those that
    /// were not.
    ///
    /// # Errors
    ///
    /// If there is no such device or share; then none is.
    pub fn connect_chosen(&self, choice: &Choice) -> Result<Vec<String>, ChoiceError> {
        self.shared.connect(choice)
    }

    /// Takes these devices offline, as [`Fleet::disconnect`], and gives the ids of those
    /// that were not.
    ///
    /// # Errors
    ///
    /// If there is no such device or share; then none is.
    pub fn disconnect_chosen(&self, choice: &Choice) -> Result<Vec<String>, ChoiceError> {
        self.shared.disconnect(choice)
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
        export::write(&self.shared, to)
    }

    /// The headers of the last push to a device, unless bodies are only counted.
    pub fn last_push(&self, index: usize) -> Option<RequestSample> {
        let device = self.shared.devices.get(index)?;
        let book = device.ledger.book();
        (book.begun > 0).then(|| book.sample.clone())
    }

    /// The counters now. Each is exact; together they are no snapshot while pushes run.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
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
        self.shared.report()
    }

    /// Closes every socket, waits for every task and gives the final report.
    pub async fn stop(mut self) -> Report {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.report()
    }
}

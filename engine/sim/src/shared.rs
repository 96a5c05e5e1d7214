//! What the tasks of a fleet share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::device::Device;
use crate::gauge::Gauge;
use crate::report::{Counts, Report};
use crate::seats::Seats;
use crate::spec::FleetSpec;

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
    pub(crate) fn new(spec: FleetSpec, devices: Vec<Arc<Device>>, listeners: usize) -> Self {
        Self {
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
        }
    }

    pub(crate) fn count_stray(&self) {
        self.strays.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            begun: self.begun.load(Ordering::SeqCst),
            completed: self.completed.load(Ordering::SeqCst),
            aborted: self.aborted.load(Ordering::SeqCst),
            cut: self.cut.load(Ordering::SeqCst),
            installed: self.installed.load(Ordering::SeqCst),
            in_flight: self.pushes.inside(),
            connections: self.seats.open.inside(),
        }
    }

    pub(crate) fn report(&self) -> Report {
        let rows = self.devices.iter().map(|device| device.report());
        let mut report = Report::sum(rows.collect());
        report.totals.strays = self.strays.load(Ordering::SeqCst);
        report.totals.peak_pushes = self.pushes.peak() as u64;
        report.totals.peak_connections = self.seats.open.peak() as u64;
        report
    }
}

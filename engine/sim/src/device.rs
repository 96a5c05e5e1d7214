//! One simulated device.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use http::StatusCode;
use windlass_model::Connectivity;

use crate::behaviour::{Behaviour, Offline};
use crate::dice::{Dice, Question};
use crate::export::DeviceRecord;
use crate::ledger::{Ledger, now};
use crate::presence::Presence;
use crate::report::DeviceReport;
use crate::software::Software;
use crate::spec::FleetSpec;
use crate::upload::Uploads;

pub(crate) struct Device {
    pub(crate) index: usize,
    pub(crate) address: SocketAddr,
    pub(crate) behaviour: Behaviour,
    pub(crate) dice: Dice,
    pub(crate) ledger: Ledger,
    pub(crate) presence: Presence,
    pub(crate) uploads: Uploads,
    /// What the list that the fleet was made from says of it.
    listed: Option<DeviceRecord>,
}

impl Device {
    pub(crate) fn new(
        spec: &FleetSpec,
        index: usize,
        address: SocketAddr,
        started: Instant,
    ) -> Self {
        let behaviour = spec.behaviour(index);
        let dice = Dice::new(spec.seed, index);
        let listed = spec.devices.get(index).cloned();
        let version = match &listed {
            Some(record) => record.firmware_version.as_deref(),
            None => dice
                .pick(Question::Version, &spec.versions)
                .map(String::as_str),
        };
        let software = Software::new(version, now());
        let presence = match behaviour.offline {
            None => Presence::online(),
            Some(Offline { comes_online_after }) => {
                Presence::offline(comes_online_after.map(|after| started + after))
            }
        };
        Self {
            index,
            address,
            behaviour,
            dice,
            ledger: Ledger::new(software),
            presence,
            uploads: Uploads::default(),
            listed,
        }
    }

    pub(crate) fn id(&self) -> String {
        match &self.listed {
            Some(record) => record.id.clone(),
            None => format!("device-{:05}", self.index),
        }
    }

    pub(crate) fn name(&self) -> String {
        match &self.listed {
            Some(record) => record.name.clone(),
            None => format!("Device {}", self.index),
        }
    }

    pub(crate) fn listed(&self) -> Option<&DeviceRecord> {
        self.listed.as_ref()
    }

    /// What the export says of its connection.
    pub(crate) fn status(&self) -> Connectivity {
        self.behaviour
            .listed_as
            .unwrap_or(if self.presence.is_online() {
                Connectivity::Online
            } else {
                Connectivity::Offline
            })
    }

    /// Counts a connection, and says whether it is taken.
    pub(crate) fn takes_connection(&self) -> bool {
        let nth = Ledger::next(&self.ledger.connections);
        let refuses =
            !self.presence.is_online() || self.reboots() || self.behaviour.refuses(self.dice, nth);
        if refuses {
            Ledger::next(&self.ledger.refused);
        }
        !refuses
    }

    /// Whether it restarts at this moment.
    pub(crate) fn reboots(&self) -> bool {
        // Most never do, and need not look.
        !self.behaviour.reboot.is_zero() && self.ledger.book().software.reboots(Instant::now())
    }

    /// It falls back now, if it will some day. Whether it does.
    pub(crate) fn falls_back(&self) -> bool {
        self.ledger.book().software.fall_back(Instant::now())
    }

    /// What a question for its version is answered instead, if it does not tell.
    pub(crate) fn mute(&self) -> Option<StatusCode> {
        let nth = Ledger::next(&self.ledger.asked);
        let mut book = self.ledger.book();
        let running = book.software.running(Instant::now());
        self.behaviour.mute(self.dice, nth, running)
    }

    /// Holds back the answer to the `nth` request.
    pub(crate) async fn hold_back(&self, nth: u64) {
        let pause = self
            .dice
            .within(Question::Latency, nth, &self.behaviour.latency);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    pub(crate) fn report(&self) -> DeviceReport {
        let ledger = &self.ledger;
        let mut book = ledger.book();
        DeviceReport {
            index: self.index,
            id: self.id(),
            online: self.presence.is_online(),
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
            installed_sha256: book.software.installed_sha256,
            version: book.software.running(Instant::now()).to_owned(),
            versions: book.software.versions.clone(),
            attempts: book.attempts.clone(),
            pushes: book.pushes.to_vec(),
            first_push: book.first,
            last_push: book.last,
        }
    }
}

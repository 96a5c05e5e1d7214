//! One simulated device.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::Notify;
use windlass_model::Connectivity;

use crate::behaviour::{Behaviour, Offline};
use crate::dice::{Dice, Question};
use crate::ledger::{Ledger, now};
use crate::software::Software;
use crate::spec::FleetSpec;

pub(crate) struct Device {
    pub(crate) index: usize,
    pub(crate) address: SocketAddr,
    pub(crate) behaviour: Behaviour,
    pub(crate) dice: Dice,
    pub(crate) ledger: Ledger,
    connected: AtomicBool,
    /// When it comes online by itself.
    pub(crate) online_at: Option<Instant>,
    /// Told by [`Device::connect`].
    pub(crate) connects: Notify,
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
        let software = Software::new(dice.pick(Question::Version, &spec.versions), now());
        let online_at = behaviour
            .offline
            .and_then(|Offline { comes_online_after }| comes_online_after)
            .map(|after| started + after);
        Self {
            index,
            address,
            connected: AtomicBool::new(behaviour.offline.is_none()),
            online_at,
            behaviour,
            dice,
            ledger: Ledger::new(software),
            connects: Notify::new(),
        }
    }

    pub(crate) fn id(&self) -> String {
        format!("device-{:05}", self.index)
    }

    pub(crate) fn name(&self) -> String {
        format!("Device {}", self.index)
    }

    pub(crate) fn connect(&self) {
        self.connected.store(true, Ordering::SeqCst);
        self.connects.notify_one();
    }

    pub(crate) fn is_online(&self) -> bool {
        self.connected.load(Ordering::SeqCst)
            || self.online_at.is_some_and(|at| at <= Instant::now())
    }

    /// What the export says of its connection.
    pub(crate) fn status(&self) -> Connectivity {
        self.behaviour.listed_as.unwrap_or(if self.is_online() {
            Connectivity::Online
        } else {
            Connectivity::Offline
        })
    }

    /// Counts a connection, and says whether it is taken.
    pub(crate) fn takes_connection(&self) -> bool {
        let nth = Ledger::next(&self.ledger.connections);
        let refuses = !self.is_online() || self.behaviour.refuses(self.dice, nth);
        if refuses {
            Ledger::next(&self.ledger.refused);
        }
        !refuses
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
}

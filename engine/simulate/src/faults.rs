use std::time::Duration;

use crate::fleet::Timing;

/// A build that devices lose again after they ran it, as where a watchdog starts the image before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FallBack {
    /// The share of the devices that run it, from 0 to 1.
    pub share: f64,
    /// How long after they began to run it they run again what they ran before.
    pub after: Duration,
}

/// What goes wrong, and how long things take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// The share of devices that the release breaks, from 0 to 1; none: it is a good build.
    pub broken: Option<f64>,
    /// How long after the start of an attempt it is known that it broke its device.
    pub known_after: Duration,
    /// What becomes of devices that the release did not break; none: they keep it.
    pub fall_back: Option<FallBack>,
    /// The share of attempts that break for a passing reason of the network, from 0 to 1.
    pub flaky: f64,
    /// How long a transfer takes with its installation, on average; of a recorded fleet, where
    /// none was recorded.
    pub transfer: Duration,
}

impl Default for Faults {
    /// A good build over a good network, two minutes a device.
    fn default() -> Self {
        Self {
            broken: None,
            known_after: Duration::ZERO,
            fall_back: None,
            flaky: 0.0,
            transfer: Duration::from_secs(120),
        }
    }
}

impl Faults {
    /// The share of devices that a bad build is taken to break: nobody tells how often an unknown
    /// one does, so it is all of them then.
    pub(crate) fn rate(&self) -> f64 {
        self.broken.filter(|broken| *broken > 0.0).unwrap_or(1.0)
    }

    /// Of a device of which nothing else is known.
    pub(crate) fn timing(&self) -> Timing {
        Timing {
            transfer: self.transfer,
            install: Duration::ZERO,
        }
    }
}

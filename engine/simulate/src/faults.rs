use std::time::Duration;

/// What goes wrong, and how long things take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// The share of devices that the release breaks, from 0 to 1; none: it is a good build.
    pub broken: Option<f64>,
    /// How long after the start of an attempt it is known that it broke its device.
    pub known_after: Duration,
    /// The share of attempts that break for a passing reason of the network, from 0 to 1.
    pub flaky: f64,
    /// How long a transfer takes with its installation, on average.
    pub transfer: Duration,
}

impl Default for Faults {
    /// A good build over a good network, two minutes a device.
    fn default() -> Self {
        Self {
            broken: None,
            known_after: Duration::ZERO,
            flaky: 0.0,
            transfer: Duration::from_secs(120),
        }
    }
}

impl Faults {
    /// The shortest transfer: half of the average.
    pub(crate) fn quickest(&self) -> Duration {
        self.transfer / 2
    }

    /// The longest transfer: as much above the average as the shortest is below.
    pub(crate) fn slowest(&self) -> Duration {
        self.transfer + self.transfer / 2
    }
}

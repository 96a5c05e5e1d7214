//! Devices in a process of their own, so that what they cost is not charged to whom they
//! are served by: one hyper server on all addresses of 127/8 that takes every release,
//! counts it, and checks its digest when told to.
//!
//! The process is this program again, started with [`COMMAND`]; it obeys lines on its
//! standard input and answers each with a line.

mod handle;
mod server;

pub(crate) use handle::{Cost, Devices};
pub(crate) use server::serve;

/// What turns this program into devices.
pub(crate) const COMMAND: &str = "devices";

/// The first device's address, as `windlass-sim` has it.
const FIRST: u32 = u32::from_be_bytes([127, 1, 0, 1]);

/// How devices are addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressing {
    /// All at one address, so that connections are kept.
    One,
    /// Each at its own.
    Each,
}

impl Addressing {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::One, Self::Each];

    /// In words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::One => "one address",
            Self::Each => "an address per device",
        }
    }

    /// Where the device at `index` is.
    pub(crate) fn of(self, index: u64, port: u16) -> std::net::SocketAddr {
        let address = match self {
            Self::One => std::net::Ipv4Addr::LOCALHOST,
            // Fleets have at most a million devices, 127/8 has sixteen.
            Self::Each => std::net::Ipv4Addr::from(FIRST + index as u32),
        };
        (address, port).into()
    }
}

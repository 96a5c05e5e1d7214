//! Whose connections a simulated fleet has (GO-140 to GO-143). A device is online and offline in
//! turn, by a function of the seed, the device and the instant: a million of them over a month
//! cost nothing but the looks at them.
//!
//! - `cycle`: devices that come and go at any hour.
//! - `shop`: devices that are switched on and off with their shop.

mod cycle;
mod shop;

use std::time::Duration;

use windlass_model::Timestamp;

use self::cycle::Cycle;
use crate::draw::Dice;

const HOUR: u64 = 3_600_000;

/// A kind of fleet, by how it is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Tills: nine in ten and more while their shop is open, most are off at night.
    Pos,
    /// Vehicles: 50 to 70 % at any instant, for hours at a time.
    Vehicle,
    /// Sensors that sleep: 20 to 40 %.
    Iot,
    /// Screens: 95 % and more, day and night.
    Signage,
}

/// A stretch of time in which a device stays connected, or stays away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// Which of both.
    pub online: bool,
    /// Since when.
    pub since: Timestamp,
    /// Until when; it may go on after that.
    pub until: Timestamp,
}

impl Profile {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Pos, Self::Vehicle, Self::Iot, Self::Signage];

    /// Its word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pos => "pos",
            Self::Vehicle => "vehicle",
            Self::Iot => "iot",
            Self::Signage => "signage",
        }
    }

    /// The spell of a device at an instant. `utc_offset` is that of its clock, in seconds.
    pub(crate) fn spell(self, dice: Dice, device: u64, utc_offset: i32, at: Timestamp) -> Spell {
        match self {
            Self::Pos => shop::spell(dice, device, utc_offset, at),
            Self::Vehicle => VEHICLE.spell(dice, device, at),
            Self::Iot => IOT.spell(dice, device, at),
            Self::Signage => SIGNAGE.spell(dice, device, at),
        }
    }

    /// A bound on the share of connected devices that lose their connection within `length`.
    pub fn breaks_within(self, length: Duration) -> f64 {
        let shortest = match self {
            // Seven in ten are switched off within two hours, and in the last minutes of
            // these hardly more than the other three are left.
            Self::Pos => 45 * 60_000,
            Self::Vehicle => VEHICLE.shortest_online(),
            Self::Iot => IOT.shortest_online(),
            Self::Signage => SIGNAGE.shortest_online(),
        };
        (length.as_millis() as f64 / shortest as f64).min(1.0)
    }
}

const VEHICLE: Cycle = Cycle {
    period: (4 * HOUR, 12 * HOUR),
    online_permille: (400, 800),
};

const IOT: Cycle = Cycle {
    period: (2 * HOUR, 12 * HOUR),
    online_permille: (150, 450),
};

const SIGNAGE: Cycle = Cycle {
    period: (12 * HOUR, 72 * HOUR),
    online_permille: (950, 1000),
};

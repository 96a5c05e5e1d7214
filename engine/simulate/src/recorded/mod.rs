//! A fleet that behaves as past rollouts found it.
//!
//! What is recorded is little: that an attempt was made, how long it took and how it ended;
//! that a device was not connected when its turn came, and how long that lasted. From this
//! [`RecordedFleet::of`] infers:
//!
//! - **Which share of the time a device is connected**: the share of looks that found it so.
//!   A look is a wait for a connection, an attempt that did not follow one, or, of a device
//!   that has neither, the registry's status. An attempt that ended as unreachable found it
//!   away; one that ends a wait says nothing new, because it was made when the device came.
//! - **How long it stays away**: the time of all its waits divided by how many of them ended
//!   with a connection. That is the likeliest mean if the length of a spell does not depend on
//!   how long it has lasted, and it counts waits that were given up for what they are: at least
//!   so long. Where no wait ended so, it is an hour, or all that was waited. Time in which no engine ran counts as waited. How long it stays connected follows
//!   from the two.
//! - **Which share of its attempts fails, and how**: those that were not stopped, not our own
//!   trouble and not a matter of connection.
//! - **How long it takes**: the median of its deliveries, and of the time until it was known
//!   that they were good.
//!
//! A device that was seen a few times is no certainty. To its own looks and attempts
//! [`WEIGHT`] are added that went as the fleet's did; where it has no measurement of a length
//! of time, the fleet's is taken. What never happened in any rollout is not known: devices and
//! hours that no rollout touched may be otherwise.

use std::time::Duration;

mod behaviour;
mod evidence;
mod presence;

pub use behaviour::{Behaviour, RecordedDevice, RecordedFleet, Seen};
pub(crate) use presence::Presence;

/// How long devices stay away where no wait for one ever ended with it, or none took any time.
pub const AWAY_UNKNOWN: Duration = Duration::from_secs(3600);

/// How many looks or attempts of its own weigh as much as what is known of the fleet.
pub const WEIGHT: f64 = 4.0;

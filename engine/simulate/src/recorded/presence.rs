use std::time::Duration;

use windlass_model::Timestamp;

use super::{AWAY_UNKNOWN, Behaviour};
use crate::{
    draw::{Dice, Draw},
    profile::Spell,
};

/// Shorter waits tell how often one looked, and not how long a device was away.
const LEAST_AWAY: Duration = Duration::from_secs(60);
/// Longer than anybody simulates.
const PERIOD_MAX: f64 = 1e13;

const PHASE: u64 = 0;

/// When a device is connected: it comes and goes in periods of one length, and is away for a
/// part of each that is drawn anew, half as much more or less than its mean.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Presence {
    Always,
    Never,
    Cycle {
        /// In milliseconds.
        period: u64,
        /// The least and the greatest part of it that is spent online.
        online: (f64, f64),
    },
}

impl Presence {
    pub(crate) fn of(behaviour: &Behaviour) -> Self {
        let online = behaviour.online;
        if online >= 1.0 {
            return Self::Always;
        }
        if online <= 0.0 {
            return Self::Never;
        }
        let spell = if behaviour.away.is_zero() {
            AWAY_UNKNOWN
        } else {
            behaviour.away.max(LEAST_AWAY)
        };
        let period = (spell.as_millis() as f64 / (1.0 - online)).min(PERIOD_MAX);
        // As far to either side as leaves some of both.
        let spread = online.min(1.0 - online) / 2.0;
        Self::Cycle {
            period: (period as u64).max(1),
            online: (online - spread, online + spread),
        }
    }

    pub(crate) fn spell(self, dice: Dice, device: u64, at: Timestamp) -> Spell {
        let forever = |online| Spell {
            online,
            since: Timestamp(0),
            until: Timestamp(u64::MAX),
        };
        let (period, (least, most)) = match self {
            Self::Always => return forever(true),
            Self::Never => return forever(false),
            Self::Cycle { period, online } => (period, online),
        };
        let phase = dice.between(Draw::Trait, (device, PHASE), 0, period);
        let number = (at.0 + phase) / period;
        let drawn = dice.share(Draw::Connection, device, number);
        let part = least + (most - least) * drawn;
        let comes = number * period;
        let leaves = comes + (period as f64 * part) as u64;
        let at_phase = |instant: u64| Timestamp(instant.saturating_sub(phase));
        let online = at.0 + phase < leaves;
        let (since, until) = if online {
            (comes, leaves)
        } else {
            (leaves, comes + period)
        };
        Spell {
            online,
            since: at_phase(since),
            until: at_phase(until),
        }
    }

    /// A bound on the chance that it goes away within `length` while it is there.
    pub(crate) fn breaks_within(self, length: Duration) -> f64 {
        match self {
            Self::Always | Self::Never => 0.0,
            Self::Cycle { period, online } => {
                let shortest = period as f64 * online.0;
                (length.as_millis() as f64 / shortest).min(1.0)
            }
        }
    }
}

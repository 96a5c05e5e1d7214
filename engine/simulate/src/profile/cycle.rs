use windlass_model::Timestamp;

use super::Spell;
use crate::draw::{Dice, Draw};

/// Devices that come and go: each has a period of its own, and is online for a part of it that
/// is drawn anew each time.
pub(super) struct Cycle {
    /// Shortest and longest period, in milliseconds.
    pub(super) period: (u64, u64),
    /// Least and greatest part that is spent online.
    pub(super) online_permille: (u64, u64),
}

const PERIOD: u64 = 0;
const PHASE: u64 = 1;

impl Cycle {
    pub(super) fn spell(&self, dice: Dice, device: u64, at: Timestamp) -> Spell {
        let (shortest, longest) = self.period;
        let period = dice.between(Draw::Trait, (device, PERIOD), shortest, longest);
        let phase = dice.between(Draw::Trait, (device, PHASE), 0, period);
        let number = (at.0 + phase) / period;
        let start = (number * period).saturating_sub(phase);
        let (least, most) = self.online_permille;
        let part = dice.between(Draw::Connection, (device, number), least, most);
        let leaves = start + period * part / 1000;
        if at.0 < leaves {
            Spell {
                online: true,
                since: Timestamp(start),
                until: Timestamp(leaves),
            }
        } else {
            Spell {
                online: false,
                since: Timestamp(leaves),
                until: Timestamp(start + period),
            }
        }
    }

    /// The shortest time that a device stays online, in milliseconds.
    pub(super) fn shortest_online(&self) -> u64 {
        self.period.0 * self.online_permille.0 / 1000
    }
}

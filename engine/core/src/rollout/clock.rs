//! The wall clock is set while the engine runs, or the machine slept.

use std::time::Duration;

use windlass_model::StateKind;

use super::Rollout;
use crate::{Now, admission::HOLD_RECHECK};

/// A clock that is a little off is slewed, and waits that end so much early or late harm
/// nobody.
const STEP: Duration = Duration::from_secs(5);

impl Rollout {
    /// Looks anew at all that waits for an instant of the wall clock, if that went another
    /// way since the last call than the monotonic one did.
    pub(super) fn notice_step(&mut self, now: Now) {
        let before = std::mem::replace(&mut self.clocks, now);
        let passed = now.monotonic.saturating_sub(before.monotonic);
        let expected = before.wall.plus(passed);
        let ahead = now.wall.since(expected);
        let behind = expected.since(now.wall);
        if ahead < STEP && behind < STEP {
            return;
        }
        self.decider.urge();
        // Whoever was put off to an instant of the old clock is not due by the new one.
        let known = expected.max(now.wall);
        self.look_at_deferred(now, known.plus(HOLD_RECHECK));
        let put_off: Vec<_> = self
            .live
            .iter()
            .filter(|(_, live)| live.put_off && live.row.state.kind() == StateKind::Waiting)
            .map(|(id, _)| *id)
            .collect();
        for id in put_off {
            self.look_again(id, now.monotonic);
        }
    }
}

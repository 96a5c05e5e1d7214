use std::time::Duration;

use windlass_core::{Now, Rollout, Standing, StopCause};

/// When a run comes back although its rollout has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// Never: it waits for people, gates and offline devices.
    Done,
    /// As soon as nothing can go on without a person, a gate or a device that is offline.
    /// Clocks that run (a soak, a retry) are waited for.
    Blocked,
    /// When nothing could go on for so long, clocks that run included.
    For(Duration),
}

/// Watches a rollout that may be waiting.
pub(super) struct Patience {
    wait: WaitFor,
    idle_since: Option<Duration>,
    lost: bool,
}

impl Patience {
    pub(super) fn new(wait: WaitFor) -> Self {
        Self {
            wait,
            idle_since: None,
            lost: false,
        }
    }

    /// Whether the run should come back now; says so once.
    pub(super) fn lost(
        &mut self,
        rollout: &Rollout,
        running: usize,
        now: Now,
    ) -> Option<StopCause> {
        if self.lost || running > 0 {
            self.idle_since = None;
            return None;
        }
        let blocked = match rollout.standing(now) {
            Standing::Working | Standing::Ended(_) => {
                self.idle_since = None;
                return None;
            }
            Standing::WaitingUntil(..) => false,
            Standing::Blocked(_) => true,
        };
        let since = *self.idle_since.get_or_insert(now.monotonic);
        self.lost = match self.wait {
            WaitFor::Done => false,
            WaitFor::Blocked => blocked,
            WaitFor::For(limit) => now.monotonic.saturating_sub(since) >= limit,
        };
        self.lost.then_some(StopCause::Blocked)
    }

    /// What it waits for, in words.
    pub(super) fn reasons(&self, rollout: &Rollout, now: Now) -> Vec<String> {
        match rollout.standing(now) {
            Standing::Working | Standing::Ended(_) => Vec::new(),
            Standing::WaitingUntil(at, why) => {
                vec![format!("{why}, in {} s", at.since(now.wall).as_secs() + 1)]
            }
            Standing::Blocked(reasons) => reasons.into_iter().map(|reason| reason.text).collect(),
        }
    }
}

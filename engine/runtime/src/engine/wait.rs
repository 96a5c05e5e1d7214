use std::time::Duration;

use serde::{Deserialize, Serialize};
use windlass_core::{Behind, Now, Rollout, Standing, StopCause};

/// When a run comes back although its rollout has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// Since when nothing has moved, and how far everything was then.
    idle: Option<(Duration, Reached)>,
    lost: bool,
}

/// What changes when a rollout moves, and not when it only looks whether it could.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reached {
    started: u64,
    ended: u64,
}

impl Reached {
    fn of(rollout: &Rollout) -> Self {
        let cohorts = rollout.cohorts();
        Self {
            started: cohorts.iter().map(|cohort| cohort.started).sum(),
            ended: cohorts.iter().map(|cohort| cohort.ended).sum(),
        }
    }
}

impl Patience {
    pub(super) fn new(wait: WaitFor) -> Self {
        Self {
            wait,
            idle: None,
            lost: false,
        }
    }

    /// Whether it matters that nothing moves the rollout on.
    pub(super) fn minds_being_stuck(&self) -> bool {
        !self.lost && self.wait == WaitFor::Blocked
    }

    /// Whether the run should come back now, of a rollout that is `stuck` or not; says so once.
    pub(super) fn lost(
        &mut self,
        rollout: &Rollout,
        stuck: bool,
        transfers: u64,
        now: Now,
    ) -> Option<StopCause> {
        if self.lost {
            return None;
        }
        let reached = Reached::of(rollout);
        let since = match self.idle {
            Some((since, before)) if before == reached && transfers == 0 => since,
            Some(_) | None => now.monotonic,
        };
        self.idle = Some((since, reached));
        self.lost = match self.wait {
            WaitFor::Done => false,
            WaitFor::Blocked => stuck,
            WaitFor::For(limit) => transfers == 0 && now.monotonic.saturating_sub(since) >= limit,
        };
        self.lost.then_some(StopCause::Blocked)
    }

    /// What it waits for, in words.
    pub(super) fn reasons(&self, rollout: &Rollout, now: Now) -> Vec<String> {
        match rollout.standing(now) {
            Standing::Working | Standing::Ended(_) => Vec::new(),
            Standing::WaitingUntil(at, why) => {
                let left = at.since(now.wall) + Duration::from_secs(1);
                vec![format!("{why}, in {}", span(left))]
            }
            Standing::Behind(Behind { reasons, .. }) | Standing::Blocked(reasons) => {
                reasons.into_iter().map(|reason| reason.text).collect()
            }
        }
    }
}

/// A length of time in its two largest units.
fn span(length: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = length.as_secs();
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min {} s", seconds / MINUTE, seconds % MINUTE),
        HOUR..DAY => format!("{} h {} min", seconds / HOUR, seconds % HOUR / MINUTE),
        DAY.. => format!("{} d {} h", seconds / DAY, seconds % DAY / HOUR),
    }
}

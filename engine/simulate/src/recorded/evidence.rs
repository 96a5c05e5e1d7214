use std::{collections::BTreeMap, time::Duration};

use windlass_model::{
    Connectivity, DeviceHistory, FailureClass, FailureKind, PastAttempt, PastOutcome, WaitEnd,
};

/// What was seen of one device, or of all together.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// How often it was looked at, and found connected.
    pub(super) looks: u64,
    pub(super) connected: u64,
    /// All time waited for it, and how often that ended with it.
    pub(super) waited: Duration,
    pub(super) came: u64,
    /// Attempts that tell whether it takes releases, and how those that failed did.
    pub(super) tries: u64,
    pub(super) failures: BTreeMap<FailureKind, u64>,
    /// Of each delivery that went well.
    pub(super) transfers: Vec<Duration>,
    /// From the end of each to when it was known.
    pub(super) installs: Vec<Duration>,
}

impl Evidence {
    pub(super) fn of(history: &DeviceHistory) -> Self {
        let mut seen = Self::default();
        for wait in &history.waits {
            seen.looks += 1;
            seen.waited += wait.until.since(wait.since);
            seen.came += u64::from(wait.end == WaitEnd::Connected);
        }
        for attempt in &history.attempts {
            let follows = history
                .waits
                .iter()
                .any(|wait| wait.end == WaitEnd::Connected && wait.until == attempt.started_at);
            seen.attempt(attempt, follows);
        }
        if seen.looks == 0 {
            match history.device.status {
                Connectivity::Online => (seen.looks, seen.connected) = (1, 1),
                Connectivity::Offline => seen.looks = 1,
                Connectivity::Unknown => {}
            }
        }
        seen
    }

    fn attempt(&mut self, attempt: &PastAttempt, follows_wait: bool) {
        let away = match attempt.outcome {
            PastOutcome::Unknown | PastOutcome::Cancelled => return,
            PastOutcome::Failed(kind) if kind.class() == FailureClass::Ours => return,
            PastOutcome::Failed(FailureKind::Unreachable) => true,
            PastOutcome::Failed(_) | PastOutcome::Delivered | PastOutcome::Offered => false,
        };
        if away || !follows_wait {
            self.looks += 1;
            self.connected += u64::from(!away);
        }
        if away {
            return;
        }
        self.tries += 1;
        match attempt.outcome {
            PastOutcome::Failed(kind) => *self.failures.entry(kind).or_default() += 1,
            PastOutcome::Delivered => self.delivered(attempt),
            // Its end is that of the offer, not of what the device fetched.
            PastOutcome::Offered | PastOutcome::Unknown | PastOutcome::Cancelled => {}
        }
    }

    fn delivered(&mut self, attempt: &PastAttempt) {
        let Some(ended) = attempt.ended_at else {
            return;
        };
        self.transfers.push(ended.since(attempt.started_at));
        if let Some(settled) = attempt.settled_at {
            self.installs.push(settled.since(ended));
        }
    }

    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.looks += other.looks;
        self.connected += other.connected;
        self.waited += other.waited;
        self.came += other.came;
        self.tries += other.tries;
        for (kind, count) in &other.failures {
            *self.failures.entry(*kind).or_default() += count;
        }
        self.transfers.extend(&other.transfers);
        self.installs.extend(&other.installs);
    }
}

/// The middle one, the lower of two.
pub(super) fn median(spans: &[Duration]) -> Option<Duration> {
    let mut spans = spans.to_vec();
    let middle = spans.len().checked_sub(1)? / 2;
    let (_, median, _) = spans.select_nth_unstable(middle);
    Some(*median)
}

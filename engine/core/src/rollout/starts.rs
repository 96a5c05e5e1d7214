use std::{collections::VecDeque, time::Duration};

const WINDOW: Duration = Duration::from_secs(60);

/// How many attempts began within the last minute, by whole seconds: 61 buckets at most,
/// however fast starts come.
#[derive(Debug, Default)]
pub(super) struct RecentStarts {
    buckets: VecDeque<(u64, u64)>,
}

impl RecentStarts {
    pub(super) fn note(&mut self, now: Duration) {
        self.forget_old(now);
        let second = now.as_secs();
        match self.buckets.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.buckets.push_back((second, 1)),
        }
    }

    pub(super) fn count(&mut self, now: Duration) -> u64 {
        self.forget_old(now);
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    fn forget_old(&mut self, now: Duration) {
        let oldest = now.saturating_sub(WINDOW).as_secs();
        while self
            .buckets
            .front()
            .is_some_and(|(second, _)| *second < oldest)
        {
            self.buckets.pop_front();
        }
    }
}

//! How fast devices are started.

use std::{collections::VecDeque, time::Duration};

use windlass_model::Timestamp;

/// Starts are counted over so long: whoever bounds them thinks of a minute.
const MINUTE: Duration = Duration::from_secs(60);

/// The most starts within any minute, over all and since the last sample. A mean over the time
/// between two samples would be another figure than the peak, and above it where that time is
/// shorter than a minute.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Starts of the last minute, with when they were.
    recent: VecDeque<(Timestamp, u64)>,
    /// How many these are.
    within: u64,
    /// The most since the last sample.
    most: u64,
    peak: u64,
}

impl Pace {
    pub(crate) fn starts(&mut self, now: Timestamp) {
        self.forget(now);
        match self.recent.back_mut() {
            Some((at, count)) if *at == now => *count += 1,
            Some(_) | None => self.recent.push_back((now, 1)),
        }
        self.within += 1;
        self.most = self.most.max(self.within);
        self.peak = self.peak.max(self.within);
    }

    /// The most within a minute that ended since it was last asked for, which is at `at` now.
    pub(crate) fn since(&mut self, at: Timestamp) -> u64 {
        self.forget(at);
        std::mem::replace(&mut self.most, self.within)
    }

    /// Of a sample that is not kept.
    pub(crate) fn carry(&mut self, most: u64) {
        self.most = self.most.max(most);
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((at, count)) = self.recent.front()
            && now.since(*at) >= MINUTE
        {
            self.within -= count;
            self.recent.pop_front();
        }
    }
}

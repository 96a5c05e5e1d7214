use std::{num::NonZeroU32, num::NonZeroUsize, ops::Range, sync::Arc, time::Duration};

use windlass_model::{AttemptId, GroupLimit, Timestamp};

use crate::{Fences, Groups, RetryBudget};

/// The instant of a step, by both clocks. Deadlines that must survive a restart are
/// kept by the wall clock, everything else runs by the monotonic one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// What time it is.
    pub wall: Timestamp,
    /// Time since an origin of the driver's choice, which never goes back.
    pub monotonic: Duration,
}

/// What all rollouts of an engine share. The driver owns it and lends it to each step.
#[derive(Debug)]
pub struct Resources {
    /// Transfers under way.
    pub slots: Slots,
    /// Ids for attempts.
    pub attempt_ids: AttemptIds,
    /// What goes on in groups that have a limit.
    pub groups: Groups,
    /// Retries that may start.
    pub retries: RetryBudget,
    /// Devices with an unsettled attempt.
    pub fences: Fences,
}

impl Resources {
    /// `capacity` free slots, no attempt ids, empty groups and a full budget of retries,
    /// which bounds nothing if it is absent.
    pub fn new(
        capacity: NonZeroUsize,
        limits: Arc<[GroupLimit]>,
        retries_per_minute: Option<NonZeroU32>,
    ) -> Self {
        Self {
            slots: Slots::new(capacity),
            attempt_ids: AttemptIds::default(),
            groups: Groups::new(limits),
            retries: RetryBudget::new(retries_per_minute),
            fences: Fences::default(),
        }
    }
}

/// The cap on transfers that are under way at once, over all rollouts. It is exact: a
/// push runs only while its rollout holds a slot for it.
#[derive(Debug)]
pub struct Slots {
    capacity: NonZeroUsize,
    in_use: usize,
    peak: usize,
}

impl Slots {
    /// `capacity` slots, all free.
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self {
            capacity,
            in_use: 0,
            peak: 0,
        }
    }

    /// All slots.
    pub fn capacity(&self) -> NonZeroUsize {
        self.capacity
    }

    /// Slots taken.
    pub fn in_use(&self) -> usize {
        self.in_use
    }

    /// Slots that may be taken.
    pub fn free(&self) -> usize {
        self.capacity.get() - self.in_use
    }

    /// The most slots that were ever taken at once.
    pub fn peak(&self) -> usize {
        self.peak
    }

    /// Takes a slot; `false` if none is free.
    pub(crate) fn acquire(&mut self) -> bool {
        if self.in_use == self.capacity.get() {
            return false;
        }
        self.in_use += 1;
        self.peak = self.peak.max(self.in_use);
        true
    }

    /// Gives a slot back.
    pub(crate) fn release(&mut self) {
        debug_assert!(self.in_use > 0, "a slot is released once");
        self.in_use = self.in_use.saturating_sub(1);
    }
}

/// Attempt ids that were reserved in the store, so that no id is used twice, also
/// across a crash.
#[derive(Debug, Default)]
pub struct AttemptIds {
    range: Range<u32>,
}

impl AttemptIds {
    /// Takes the next id; none if the range is used up.
    pub(crate) fn next(&mut self) -> Option<AttemptId> {
        self.range.next().and_then(NonZeroU32::new).map(AttemptId)
    }

    /// How many are left.
    pub fn remaining(&self) -> usize {
        self.range.len()
    }

    /// Replaces what is left by a newly reserved `range`, which must not contain 0.
    pub fn refill(&mut self, range: Range<u32>) {
        debug_assert!(range.start > 0, "attempt ids are positive");
        self.range = range;
    }
}

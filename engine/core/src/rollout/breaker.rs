use std::time::Duration;

/// Plugin faults in a row that open the breaker: fewer may be bad luck, more would push
/// a broken plugin through the whole fleet's devices.
const THRESHOLD: u32 = 5;
/// First break; each further one without a good answer in between doubles.
const FIRST_BREAK: Duration = Duration::from_secs(10);
/// Breaks in a row after which a person must look.
const MAX_BREAKS: u32 = 4;

/// Stops a rollout from starting devices with a delivery that keeps failing by its own
/// fault (design §7.15). Faults of the plugin use up no attempts, so without it they
/// would repeat for ever.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    faults: u32,
    breaks: u32,
    open_until: Option<Duration>,
}

/// What a fault of the plugin led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tripped {
    No,
    /// The breaker opened for a while.
    Opened,
    /// It opened too often in a row.
    GaveUp,
}

impl Breaker {
    pub(super) fn fault(&mut self, now: Duration) -> Tripped {
        // Pushes that were under way when it opened say nothing new.
        if self.open_until.is_some_and(|until| now < until) {
            return Tripped::No;
        }
        self.faults += 1;
        if self.breaks == 0 && self.faults < THRESHOLD {
            return Tripped::No;
        }
        self.faults = 0;
        if self.breaks == MAX_BREAKS {
            *self = Self::default();
            return Tripped::GaveUp;
        }
        self.open_until = Some(now + FIRST_BREAK * (1 << self.breaks));
        self.breaks += 1;
        Tripped::Opened
    }

    /// The plugin did its work, or a person wants another try.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    fn elapse(&mut self, now: Duration) {
        if self.open_until.is_some_and(|until| until <= now) {
            self.open_until = None;
        }
    }

    /// One while it is being tried whether the plugin works again.
    fn width(&self) -> usize {
        match (self.open_until, self.breaks) {
            (Some(_), _) => 0,
            (None, 0) => usize::MAX,
            (None, _) => 1,
        }
    }
}

/// The calls of a delivery that can fail by its own fault. Each has a breaker of its
/// own: that one works says nothing of the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Push,
    Verify,
}

/// The breakers of a rollout's deliveries.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    push: Breaker,
    verify: Breaker,
}

impl Breakers {
    pub(super) fn of(&mut self, call: Call) -> &mut Breaker {
        match call {
            Call::Push => &mut self.push,
            Call::Verify => &mut self.verify,
        }
    }

    /// Until when nothing starts, if one is open.
    pub(super) fn open_until(&self) -> Option<Duration> {
        self.push.open_until.max(self.verify.open_until)
    }

    /// Ends breaks that are over.
    pub(super) fn elapse(&mut self, now: Duration) {
        self.push.elapse(now);
        self.verify.elapse(now);
    }

    /// How many transfers may be under way.
    pub(super) fn width(&self) -> usize {
        self.push.width().min(self.verify.width())
    }
}

//! Seeded draws: pure functions of the seed, the device and the question, so that no
//! draw depends on another one, on the order of requests or on time.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What is drawn. Each question has a sequence of its own.
#[derive(Clone, Copy)]
pub(crate) enum Question {
    Fault = 1,
    Offline = 2,
    Version = 3,
    Kind = 4,
    Place = 5,
    Ring = 6,
    Priority = 7,
    Latency = 8,
    Failing = 9,
    Chosen = 10,
}

/// The dice of one device.
#[derive(Clone, Copy)]
pub(crate) struct Dice {
    device: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64, index: usize) -> Self {
        let device = mix(mix(seed).wrapping_add(index as u64));
        Self { device }
    }

    /// In `0.0..1.0`, for the `nth` time this question is asked.
    pub(crate) fn unit(self, question: Question, nth: u64) -> f64 {
        // 53 bits are what an f64 holds exactly.
        (self.roll(question, nth) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with the probability `share`.
    pub(crate) fn chance(self, question: Question, nth: u64, share: f64) -> bool {
        self.unit(question, nth) < share
    }

    /// One of `items`, or none if there are none.
    pub(crate) fn pick<T>(self, question: Question, items: &[T]) -> Option<&T> {
        let place = (self.unit(question, 0) * items.len() as f64) as usize;
        items.get(place)
    }

    /// A duration in `range`.
    pub(crate) fn within(
        self,
        question: Question,
        nth: u64,
        range: &RangeInclusive<Duration>,
    ) -> Duration {
        let spread = range.end().saturating_sub(*range.start());
        *range.start() + spread.mul_f64(self.unit(question, nth))
    }

    fn roll(self, question: Question, nth: u64) -> u64 {
        mix(mix(self.device.wrapping_add(question as u64)).wrapping_add(nth))
    }
}

/// The finaliser of splitmix64: every bit of the input moves half the bits of the output.
fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

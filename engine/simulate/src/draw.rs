//! Random numbers as functions: of the seed, of what is drawn, and of whom it is drawn for.
//! Nothing is drawn in a sequence, so no result depends on the order of events.

/// What is drawn; two kinds of draws for one device have nothing to do with each other.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Draw {
    /// A trait of a device that stays, by number.
    Trait = 1,
    /// How one cycle or day of a device goes, by number.
    Connection,
    /// Whether the bad build breaks the device.
    Bad,
    /// Whether an attempt breaks for a reason of the network.
    Flaky,
    /// How far it comes until it breaks.
    Broken,
    /// How long a transfer takes.
    Transfer,
    /// Whether an attempt fails as past ones did.
    Failing,
    /// How it does.
    Failure,
    /// Which of the recorded devices are taken.
    Sample,
    /// Whether the device loses the release again.
    FallBack,
}

/// The generator of one session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice {
    seed: u64,
}

/// The golden ratio's fraction in 64 bits: the step of `SplitMix64` (Steele, Lea and Flood,
/// 2014), whose output function mixes here.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// 64 even bits for a device and a number, such as that of its attempt.
    fn bits(self, what: Draw, device: u64, number: u64) -> u64 {
        [what as u64, device, number]
            .into_iter()
            .fold(mix(self.seed.wrapping_add(STEP)), |state, part| {
                mix(state ^ mix(part.wrapping_add(STEP)))
            })
    }

    /// Evenly from 0 (included) to 1 (not).
    pub(crate) fn share(self, what: Draw, device: u64, number: u64) -> f64 {
        // The 53 bits that a double holds exactly.
        let bits = self.bits(what, device, number) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }

    /// Evenly from `low` (included) to `high` (not).
    pub(crate) fn between(self, what: Draw, of: (u64, u64), low: u64, high: u64) -> u64 {
        let width = u128::from(high.saturating_sub(low));
        let drawn = (u128::from(self.bits(what, of.0, of.1)) * width) >> 64;
        low.saturating_add(u64::try_from(drawn).unwrap_or(0))
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

//! How often something happens, all but certainly.
//!
//! By Chernoff's bound, less than once in a million `k` or fewer of `n` trials succeed, if `n`
//! times the relative entropy of `k / n` to the mean of their probabilities is the logarithm of
//! a million or more; and the same for `k` or more. The trials need not be alike (Hoeffding,
//! 1963).

/// The natural logarithm of a million: what comes out worse than the worst case does so less
/// than once in so many sessions.
const LN_MILLION: f64 = 13.815_510_557_964_274;

/// Trials so far, and those that succeeded in the worst case.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Odds {
    trials: u64,
    /// The sum of their probabilities.
    expected: f64,
    pub(super) met: u64,
}

impl Odds {
    /// One more trial, of this probability; whether it succeeds, if as few do as can be.
    pub(super) fn at_least(&mut self, probability: f64) -> bool {
        let mean = self.tries(probability);
        let (trials, met) = (self.trials as f64, self.met as f64);
        let succeeds = mean >= 1.0
            || (met < trials * mean && trials * entropy(met / trials, mean) >= LN_MILLION);
        self.met += u64::from(succeeds);
        succeeds
    }

    /// The same if as many succeed as can.
    pub(super) fn at_most(&mut self, probability: f64) -> bool {
        let mean = self.tries(probability);
        if mean <= 0.0 {
            return false;
        }
        let (trials, met) = (self.trials as f64, (self.met + 1) as f64);
        let succeeds = met <= trials * mean || trials * entropy(met / trials, mean) < LN_MILLION;
        self.met += u64::from(succeeds);
        succeeds
    }

    /// The mean probability, this one's included.
    fn tries(&mut self, probability: f64) -> f64 {
        self.trials += 1;
        self.expected += probability;
        // A sum of ones must not come out below.
        (self.expected / self.trials as f64).min(1.0)
    }
}

/// The relative entropy of a share to another, both from 0 to 1.
fn entropy(seen: f64, expected: f64) -> f64 {
    let part = |seen: f64, expected: f64| {
        if seen > 0.0 {
            seen * (seen / expected).ln()
        } else {
            0.0
        }
    };
    part(seen, expected) + part(1.0 - seen, 1.0 - expected)
}

//! When a failed device is tried again: exponential back-off with full jitter, drawn by
//! a hash from the rollout's seed and the attempt's id, so that the same history gives
//! the same instants.

use std::{hash::Hasher, time::Duration};

use siphasher::sip::SipHasher24;
use windlass_model::{AttemptId, RetrySettings};

/// Longest `retry-after` of a device that is honoured: a wrong clock must not put a
/// device off for years.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// How long to wait before the next try after `attempt`, the assignment's
/// `failures`th failed one: evenly drawn between zero and `backoff` × 2^(failures − 1),
/// that bound capped at `max_backoff`; never less than `retry_after`.
pub fn delay(
    settings: &RetrySettings,
    seed: u64,
    attempt: AttemptId,
    failures: u32,
    retry_after: Option<Duration>,
) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    let bound = settings
        .backoff
        .saturating_mul(1 << doublings)
        .min(settings.max_backoff);
    let mut hasher = SipHasher24::new_with_keys(seed, 0);
    hasher.write_u32(attempt.0.get().to_le());
    let millis = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    // The high word of a 64 × 64 bit product maps the hash evenly onto 0..=millis.
    let drawn = (u128::from(hasher.finish()) * (u128::from(millis) + 1)) >> 64;
    let jittered = Duration::from_millis(u64::try_from(drawn).unwrap_or(millis));
    let floor = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    jittered.max(floor)
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use windlass_model::{AttemptId, RetrySettings};

    use super::delay;

    /// Design §7.4.
    #[test]
    fn waits_are_spread_over_a_bound_that_doubles_up_to_its_cap() {
        let settings = RetrySettings {
            attempts: 9,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(6),
        };
        for (failures, bound) in [(1, 1000), (2, 2000), (3, 4000), (4, 6000), (40, 6000)] {
            let drawn: Vec<_> = (1..=1000)
                .filter_map(NonZeroU32::new)
                .map(|id| delay(&settings, 7, AttemptId(id), failures, None).as_millis())
                .collect();
            let mean = drawn.iter().sum::<u128>() / 1000;
            assert!(drawn.iter().all(|millis| *millis <= bound));
            assert!(mean.abs_diff(bound / 2) < bound / 20, "{mean} of {bound}");
        }
        let id = AttemptId(NonZeroU32::MIN);
        let asked = Duration::from_secs(9);
        assert_eq!(delay(&settings, 7, id, 1, Some(asked)), asked);
        let absurd = Duration::from_secs(u64::MAX);
        assert_eq!(
            delay(&settings, 7, id, 1, Some(absurd)),
            super::MAX_RETRY_AFTER
        );
    }
}

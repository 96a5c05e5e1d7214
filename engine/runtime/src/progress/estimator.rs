use std::{collections::VecDeque, time::Duration};

/// Samples older than this do not count: an estimate follows a change of speed within it.
const WINDOW: Duration = Duration::from_secs(15);
/// Most samples kept; at ten a second the window fits.
const SAMPLES_MAX: usize = 256;

/// Turns samples of work done into rates and the time left. Work is counted in devices, a
/// device in flight as the part of its bytes that was sent.
#[derive(Debug, Default)]
pub struct Estimator {
    samples: VecDeque<Sample>,
    first: Option<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    devices: f64,
    bytes: u64,
}

impl Estimator {
    /// Records that at `at` (monotonic) `devices` of work and `bytes` were done.
    pub fn record(&mut self, at: Duration, devices: f64, bytes: u64) {
        let sample = Sample { at, devices, bytes };
        self.first.get_or_insert(sample);
        self.samples.push_back(sample);
        let old = |oldest: &Sample| at.saturating_sub(oldest.at) > WINDOW;
        while self.samples.len() > SAMPLES_MAX
            || self.samples.len() > 2 && self.samples.front().is_some_and(old)
        {
            self.samples.pop_front();
        }
    }

    /// Bytes per second within the window; 0 before there are two samples.
    pub fn bytes_per_second(&self) -> f64 {
        let (Some(from), Some(to)) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let seconds = to.at.saturating_sub(from.at).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let bytes = to.bytes.saturating_sub(from.bytes) as f64;
        if seconds > 0.0 { bytes / seconds } else { 0.0 }
    }

    /// The time that `remaining` devices of work take at the rate of the window or, when
    /// nothing moved within it, at the rate since the first sample.
    pub fn eta(&self, remaining: f64) -> Option<Duration> {
        if remaining <= 0.0 {
            return Some(Duration::ZERO);
        }
        let last = self.samples.back()?;
        let rate_since = |from: &Sample| {
            let seconds = last.at.saturating_sub(from.at).as_secs_f64();
            let done = last.devices - from.devices;
            (seconds > 0.0 && done > 0.0).then(|| done / seconds)
        };
        let rate = self
            .samples
            .front()
            .and_then(rate_since)
            .or_else(|| self.first.as_ref().and_then(rate_since))?;
        Duration::try_from_secs_f64(remaining / rate).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GO-67: on a fleet of known rate the estimate is right, down to the last device.
    #[test]
    fn the_estimate_is_right_at_a_steady_rate_until_the_last_device() {
        let mut estimator = Estimator::default();
        let (devices, per_second) = (200.0, 4.0);
        for tick in 0..500_u32 {
            let at = Duration::from_millis(u64::from(tick) * 100);
            let done = at.as_secs_f64() * per_second;
            if done >= devices {
                break;
            }
            estimator.record(at, done, 0);
            if tick > 10 {
                let left = (devices - done) / per_second;
                let eta = estimator
                    .eta(devices - done)
                    .expect("there is a rate")
                    .as_secs_f64();
                assert!(
                    (eta - left).abs() / left.max(0.1) < 0.05,
                    "tick {tick}: {eta} for {left}"
                );
            }
        }
    }

    /// GO-D11: an estimate must not vanish while the last devices are slow.
    #[test]
    fn the_estimate_stays_when_nothing_moves_for_longer_than_the_window() {
        let mut estimator = Estimator::default();
        estimator.record(Duration::ZERO, 0.0, 0);
        for second in 1..60 {
            estimator.record(Duration::from_secs(second), 9.5, 100);
        }
        assert!(estimator.eta(0.5).is_some());
    }
}

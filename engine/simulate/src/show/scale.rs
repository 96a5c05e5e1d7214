//! Round numbers on axes.

use std::time::Duration;

/// What the top of an axis may be, times a power of ten: each is halved by a number that
/// people read easily.
const TOPS: [f64; 9] = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0];

/// Distances of ticks in time, in seconds.
const STEPS: [u64; 30] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    2 * 3_600,
    3 * 3_600,
    6 * 3_600,
    12 * 3_600,
    DAY,
    2 * DAY,
    3 * DAY,
    5 * DAY,
    7 * DAY,
    10 * DAY,
    14 * DAY,
    30 * DAY,
    60 * DAY,
    90 * DAY,
    180 * DAY,
    365 * DAY,
    3_650 * DAY,
];
const DAY: u64 = 86_400;

/// The least round number that is not less than `value`; 1 for nothing.
pub(super) fn top(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let tops = TOPS.iter().map(|top| top * power);
    // Rounded, because 1.2 times a power of ten is not always whole.
    let mut tops = tops.map(|top| if top >= 10.0 { top.round() } else { top });
    tops.find(|top| *top >= value).unwrap_or(power * 10.0)
}

/// Numbers from 0 to `top`, about `count` steps of a round size apart; with little room, its
/// half and itself.
pub(super) fn ticks(top: f64, count: f64) -> Vec<f64> {
    if count < 3.0 {
        return vec![0.0, top / 2.0, top];
    }
    let rough = (top / count).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(power * 10.0);
    let fit = (top / step + 0.001).floor() as u32;
    (0..=fit).map(|index| f64::from(index) * step).collect()
}

/// Instants from the start until `until`, at most `count` steps of a round length apart.
pub(super) fn time_ticks(until: Duration, count: u64) -> Vec<Duration> {
    let seconds = until.as_secs();
    let fits = |step: &u64| seconds / step <= count.max(1);
    let longest = seconds / count.max(1) + 1;
    let step = STEPS.into_iter().find(fits).unwrap_or(longest);
    (0..=seconds / step)
        .map(|index| Duration::from_secs(index * step))
        .collect()
}

//! Rounds in which devices are verified again.

use serde_json::{Value, json};
use windlass_model::{CohortView, Recheck, StateKind};

use super::numbers::time;

/// What came of a round, or has so far: `3 run the release, 1 fell back, 0 did not say`.
pub(super) fn findings(confirmed: u64, regressed: u64, unconfirmed: u64) -> String {
    format!("{confirmed} run the release, {regressed} fell back, {unconfirmed} did not say")
}

/// A cohort's round that goes on, with how many of its answers are not counted: they are in the
/// order of the devices, so one that does not answer keeps back those behind it. None: none goes
/// on.
pub fn recheck_under_way(cohort: &CohortView) -> Option<String> {
    let round = cohort.recheck.filter(|round| round.ended.is_none())?;
    let Recheck {
        began,
        ended: _,
        confirmed,
        regressed,
        unconfirmed,
    } = round;
    let answered = confirmed + unconfirmed;
    let left = cohort
        .states
        .get(StateKind::Succeeded)
        .saturating_sub(answered);
    Some(format!(
        "verified again since {}: {}, {left} not counted yet",
        time(began),
        findings(confirmed, regressed, unconfirmed)
    ))
}

/// A round for programs; `ended` is null while it goes on.
pub fn recheck_json(round: &Recheck) -> Value {
    json!({
        "began": time(round.began),
        "ended": round.ended.map(time),
        "confirmed": round.confirmed,
        "regressed": round.regressed,
        "unconfirmed": round.unconfirmed,
    })
}

//! What people said: approvals that are asked for, and orders to go on.

use windlass_sdk::{Advance, Timestamp, View};

/// Whether somebody consented to pass this gate at `since` or after.
pub(crate) fn is_approved(view: &View, gate: &str, since: Timestamp) -> bool {
    view.approvals
        .iter()
        .any(|approval| approval.gate == gate && approval.at >= since)
}

/// The first order to go on past the end of this cohort; none: past the start, which
/// every order does.
pub(crate) fn order_past(view: &View, cohort: Option<usize>) -> Option<&Advance> {
    view.advances
        .iter()
        .find(|advance| match (advance.cohort, cohort) {
            (None, _) | (_, None) => true,
            (Some(past), Some(cohort)) => past as usize >= cohort,
        })
}

//! Between the model and the records of the contract. What comes from a guest is checked
//! here or where it is asked for; texts are cut to what is kept.

mod decision;
mod delivery;
mod device;
mod view;

pub(crate) use decision::{admission, check_cohorts, check_decision, check_signals, placement};
pub(crate) use delivery::{device_state, failure, job_record, verification};
pub(crate) use device::{Projection, attributes, device_record, value};
pub(crate) use view::{candidate_record, tier_record, view_record};

use std::time::Duration;

use crate::{
    Place, Problem,
    bindings::types,
    limits::{PROBLEMS, TEXT_BYTES},
};

/// The problems that a plugin found in its settings. Never empty: a plugin that refuses
/// without a reason gets one.
pub(crate) fn problems(said: Vec<types::Problem>) -> Vec<Problem> {
    if said.is_empty() {
        return vec![Problem {
            place: Place::Settings,
            message: "the plugin refuses these settings and does not say why".to_owned(),
            hint: None,
        }];
    }
    said.into_iter()
        .take(PROBLEMS)
        .map(|problem| Problem {
            place: match problem.place {
                types::Place::Settings => Place::Settings,
                types::Place::Setting(pointer) => Place::Setting(cut(pointer)),
                types::Place::Expression((start, end)) => Place::Expression(start..end.max(start)),
            },
            message: cut(problem.message),
            hint: problem.hint.map(cut),
        })
        .collect()
}

/// `text`, at most as long as is kept.
pub(crate) fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES));
    text
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

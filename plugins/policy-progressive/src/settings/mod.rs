//! The settings as the operator writes them.

mod abort;
mod analysis;
mod cohort;
mod kinds;
mod quarantine;

use windlass_sdk::prelude::*;
use windlass_sdk::settings::Period;

pub(crate) use abort::{AbortSettings, Denominator, Ending};
pub(crate) use analysis::{AnalysisSettings, OnBadSignal, OnNoSignal, SuccessSettings};
pub(crate) use cohort::{ApprovalSetting, CohortSettings, OnDeadline, OnFailure};
pub(crate) use kinds::KindSetting;
pub(crate) use quarantine::QuarantineSettings;

/// One cohort of 100 % without a gate if nothing is set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct Settings {
    /// The parts of the targets, in the order they are updated.
    pub cohorts: Vec<CohortSettings>,
    /// When to abort, for every cohort that does not say otherwise.
    pub abort: Option<AbortSettings>,
    /// What signals must say, for every cohort that does not say otherwise.
    pub analysis: Vec<AnalysisSettings>,
    /// The name of an approval without which not even the first cohort opens.
    pub start_approval: Option<String>,
    /// When a device that keeps failing is left alone for a while.
    pub quarantine: Option<QuarantineSettings>,
    /// What a device is stratified by, so that every cohort holds its share:
    /// `kind`, `location`, `timezone` or `attributes.NAME`.
    pub stratify_by: Option<String>,
    /// Whether devices that are online at the start come before all others.
    pub online_first: bool,
    /// Devices heard of within this time before the start come before those that
    /// were not.
    pub recently_seen_first: Option<Period>,
}

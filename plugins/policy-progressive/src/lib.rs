//! Rolls out cohort by cohort, with a gate after each and an abort threshold.
//!
//! `settings` is what the operator writes and `plan` what is made of it once
//! it is found sound; `cut` sizes the cohorts. At each decision `stages`
//! finds how far the rollout may go, asking `gate` whether a cohort has done
//! well enough and `abort` whether to stop, and `decide` puts it into
//! ceilings, reasons and triggers. What must survive from one decision to the
//! next is in `memo`.

mod abort;
mod clock;
mod cut;
mod decide;
mod gate;
mod memo;
mod plan;
mod policy;
mod reasons;
mod settings;
mod share;
mod stages;
mod strata;

pub use policy::Progressive;
pub use settings::Settings;

windlass_sdk::export!(policy: Progressive);

//! Rolls out cohort by cohort, with a gate after each and an abort threshold.
//!
//! `settings` is what the operator writes and `plan` what is made of it once
//! it is found sound; `cut` sizes the cohorts. At each decision `stages`
//! finds how far the rollout may go, asking `gate` whether a cohort has done
//! well enough, `recheck` whether its devices still run the release, `analysis` what signals
//! say, `consent` what people said and `abort` whether to stop; `decide`
//! puts it into ceilings and a verdict, `reasons` and `calls`, which say when to
//! ask again. What must survive from one decision to the next is in `memo`.
//! `quarantine` says when a single device may start.

mod abort;
mod analysis;
mod calls;
mod clock;
mod consent;
mod cut;
mod decide;
mod gate;
mod kinds;
mod memo;
mod plan;
mod policy;
mod quarantine;
mod reasons;
mod recheck;
mod settings;
mod share;
mod stages;
mod strata;

pub use policy::Progressive;
pub use settings::Settings;

windlass_sdk::export!(policy: Progressive);

//! Durable state: aggregate operations over SQLite, with named conflicts.
//!
//! A [`Store`] is one connection to one state database. Its operations are synchronous
//! functions; [`StoreHandle`] is the shell that puts it on a thread of its own and
//! commits what is queued in one transaction.
//!
//! - [`Location`], [`Store::open`], [`Store::open_read_only`]: one owner per state file,
//!   held by a lock beside it; readers need none.
//! - `registry`: devices, what was observed of them, and the index that narrows filters.
//! - `release`, `rollout`, `assignment`, `attempt`, `checkpoint`: what is delivered to whom,
//!   and how far; `growth`: devices that join later.
//! - `steering`, `hold`, `condemned`, `dead_letter`, `rollback`: what people and policies ask
//!   of a rollout under way, or after it; `swap`: other policies for one.
//! - `rival`, `registry::down`: what else is the matter with a device or its group.
//! - `commit`: applies what `windlass-core` decided; the rules themselves are not here.
//! - `snapshot`: reads a rollout back for `windlass-core`.
//! - `log`, `decision`: the events and the decisions, append-only; `reason`: why devices were
//!   put off; `bounds`: what the engine allowed itself.
//! - `retention`: what is dropped when it is old.
//! - `history`: what past rollouts tell of every device.
//! - `check`: whether the database is whole.
//!
//! Architecture invariant: a change set is applied whole or not at all, and its events get
//! the next numbers of one gapless sequence only if it is.

mod assignment;
mod attempt;
mod bounds;
mod check;
mod checkpoint;
mod codes;
mod commit;
mod condemned;
mod dead_letter;
mod decision;
#[cfg(test)]
mod disk_faults;
mod error;
mod growth;
mod handle;
mod history;
mod hold;
mod inline;
mod json;
mod location;
mod lock;
mod log;
mod open;
mod prepared;
#[cfg(test)]
mod query_plans;
mod reason;
mod recheck;
mod registry;
mod release;
mod retention;
mod rival;
mod rollback;
mod rollout;
mod schema;
mod shadow;
mod signal;
mod snapshot;
mod steering;
mod swap;

pub use attempt::{AttemptEnd, StoredAttempt};
pub use commit::Committed;
pub use condemned::Condemnation;
pub use dead_letter::DeadLetter;
pub use decision::{DecisionRow, DecisionRows, RecordedAnswer, RecordedQuestion, StoredDecision};
pub use error::{CommitError, CreateConflict, OpenError, StoreError, UnpackError};
pub use growth::ExtendConflict;
pub use handle::{Stopped, StoreHandle, StoreThread, ThreadPanicked};
pub use history::Histories;
pub use inline::{Fault, FaultHook};
pub use location::Location;
pub use open::Store;
pub use registry::{ImportReport, ObservedAt, Provenance};
pub use retention::{Pruned, Retention};
pub use rollback::RollbackTarget;
pub use shadow::{ShadowConflict, StoredShadow};
pub use swap::SwapConflict;

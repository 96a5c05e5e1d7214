//! How a run is shown: bars on a terminal, sentences in a log, JSON lines for programs.

mod bars;
mod decision;
mod decision_json;
mod difference;
mod done;
mod event;
mod numbers;
mod outlook;
mod plain;
mod recheck;
mod refusal;
mod shadow;
mod shadow_json;
mod summary;
mod swapped;
mod why;

pub use bars::Bars;
pub use decision::decision_text;
pub use decision_json::decision_json;
pub use difference::{difference_text, parting_text};
pub use done::{
    done_json, done_text, hold_json, hold_text, order_text, state_word, subject_name, subject_text,
};
pub use event::{Names, event_json, event_text, skip_text};
pub use numbers::{bytes, count, duration, percent, rate, time};
pub use outlook::{outlook_json, outlook_text};
pub use plain::PlainLog;
pub use recheck::{recheck_json, recheck_under_way};
pub use refusal::refusal_text;
pub use shadow::{shadow_line, shadow_text, shadowed_text};
pub use shadow_json::shadow_json;
pub use summary::{completed_line, summary};
pub use swapped::swapped_text;
pub use why::{why_json, why_text};

//! How a run is shown: bars on a terminal, sentences in a log, JSON lines for programs.

mod bars;
mod event;
mod numbers;
mod plain;
mod summary;

pub use bars::Bars;
pub use event::{Names, event_json, event_text};
pub use numbers::{bytes, count, duration, percent, rate, time};
pub use plain::PlainLog;
pub use summary::{completed_line, summary};

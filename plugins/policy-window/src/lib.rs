//! Lets devices start in windows of time, from an instant on, and never in a freeze.
//!
//! `settings` is what the operator writes, and `plan` what `check` makes of it once it
//! is found sound, with `moment`, `range` and `cron` reading dates, times and
//! expressions. `zone` knows the time zones and `clock` takes wall-clock times to
//! instants. For one zone, `span` joins windows that leave no gap between them, and
//! `calendar` takes freezes and bounds away and finds the next opening. `policy`
//! answers the host, with `reasons` saying why.

mod calendar;
mod check;
mod clock;
mod cron;
mod moment;
mod plan;
mod policy;
mod range;
mod reasons;
mod settings;
mod span;
mod zone;

pub use policy::Windows;
pub use settings::Settings;

windlass_sdk::export!(policy: Windows);

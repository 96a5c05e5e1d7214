//! Lines for the engine's log. For deliveries only: filters and policies have no I/O.
//!
//! The host stamps each line with plugin and device, cuts it at 4 KiB and limits
//! their number. Never log a secret.
//!
//! ```no_run
//! windlass_sdk::log::info(format!("{} bytes offered", 512));
//! ```

use crate::host;

pub use crate::bindings::delivery::windlass::plugin::job::Level;

/// Steps that only the plugin's author follows.
pub fn trace(message: impl AsRef<str>) {
    host::log(Level::Trace, message.as_ref());
}

/// What helps to find out why.
pub fn debug(message: impl AsRef<str>) {
    host::log(Level::Debug, message.as_ref());
}

/// What an operator wants to know anyway.
pub fn info(message: impl AsRef<str>) {
    host::log(Level::Info, message.as_ref());
}

/// Something odd that the job goes on from.
pub fn warn(message: impl AsRef<str>) {
    host::log(Level::Warn, message.as_ref());
}

/// Something that a person should look at.
pub fn error(message: impl AsRef<str>) {
    host::log(Level::Error, message.as_ref());
}

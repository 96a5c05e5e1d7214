//! The real host, through the generated bindings.

mod http;
mod payload;

pub(crate) use http::{Incoming, Sink, send, send_streaming};
pub(crate) use payload::{Payload, PayloadStream};

use crate::{bindings::delivery::windlass::plugin::job, log::Level};

pub(crate) fn report(bytes: u64) {
    job::report(bytes);
}

pub(crate) fn checkpoint(data: &[u8]) -> Result<(), String> {
    job::checkpoint(data)
}

pub(crate) fn log(level: Level, message: &str) {
    job::log(level, message);
}

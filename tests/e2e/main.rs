//! The main job through the built binary: real devices on real sockets, real state files,
//! real components. Each file tells one part of the promise.

mod bad_input;
mod broken_senders;
mod cohorts;
mod commands;
mod devices;
mod interrupt;
mod limits;
mod payload;
mod plugins;
mod support;

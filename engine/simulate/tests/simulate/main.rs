//! Sessions as whoever simulates sees them: real `core`, policies in plain Rust, fleets that are
//! made up.

mod canary;
mod golden;
mod past;
mod profiles;
mod radius;
mod scenes;
mod sessions;
mod signals;

//! A seeded world around the real engine, the real rules and the real store: virtual devices,
//! a virtual clock, crashes, a disk that refuses commits or loses their answers, people who
//! give orders. The same seed is the same story, event by event; what it must not contain is
//! checked while it happens and afterwards.
//!
//! Everything runs on one thread under tokio's paused clock, which jumps to the next timer
//! whenever nothing else can go on; the store answers on the caller's thread. So a story of
//! days takes milliseconds, and nothing in it depends on this machine.

mod clock;
mod device;
mod executor;
mod gauge;
mod log;
mod lottery;
mod people;
mod policy;
mod story;

pub use story::{Story, live_through};

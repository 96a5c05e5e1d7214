//! The simulator through plain sockets: what a sender sees, and what the report says.

mod contract;
mod control;
mod faults;
mod fleet;
mod listed;
mod releases;
mod support;
mod uploads;

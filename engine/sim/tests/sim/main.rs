//! The simulator through plain sockets: what a sender sees, and what the report says.

mod contract;
mod faults;
mod fleet;
mod support;

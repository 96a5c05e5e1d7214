//! The egress and the payload against real sockets: what leaves, what never does, and
//! what a device sees when a sender breaks.

mod answers;
mod bandwidth;
mod broken_sender;
mod payload;
mod pool;
mod reach;
mod stalls;
mod support;

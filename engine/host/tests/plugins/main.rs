//! Plugins against the host: the built-in ones as they are, and small ones that
//! misbehave.

mod delivery;
mod exchange;
mod guest;
mod instances;
mod isolation;
mod load;
mod pure;
mod start;
mod support;

//! The filter through its public surface, as a plugin's own tests run it.

mod evaluation;
mod fleet;
mod index;
mod narrowing;
mod refusals;

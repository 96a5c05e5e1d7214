//! What the SDK asks of the host: the real one in a component, the doubles of
//! [`testing`](crate::testing) everywhere else. Both offer the same items, so that a
//! plugin's code is the same in both.

#[cfg(target_family = "wasm")]
mod failure;
#[cfg(target_family = "wasm")]
mod wasm;
#[cfg(target_family = "wasm")]
pub(crate) use wasm::*;

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::double::*;

/// What a request carries as its body.
pub(crate) enum Content<'a> {
    Nothing,
    Payload(&'a Payload),
    Range {
        payload: &'a Payload,
        offset: u64,
        length: u64,
    },
}

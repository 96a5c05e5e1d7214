//! The control socket: how a command reaches the process that owns the state file.
//!
//! One connection carries one [`Request`] and its [`Response`]s, as JSON lines. The socket
//! lies beside the state file and is made by its owner; that a process is the owner is told
//! by the lock of the store alone, never by the socket.
//!
//! - `protocol`: what is said.
//! - `swapped`: what is said of other policies.
//! - `wire`: a value a line, of bounded length.
//! - `socket`: where the socket is, and who may speak on it.
//! - `server`, `client`: the two ends. Neither knows what a request does.

mod client;
mod protocol;
mod server;
mod shadow;
mod socket;
mod swapped;
mod wire;

pub use client::{Call, CallError};
pub use protocol::{
    Chore, Done, Errand, Fate, Hello, Imported, Interrupt, PROTOCOL, Request, Response, RunErrand,
    Which,
};
pub use server::{Desk, Interrupts, Replies, Server};
pub use shadow::{ShadowErrand, ShadowWish, Shadowed, ShadowedHow};
pub use socket::{BindError, socket_path};
pub use swapped::{
    MemoFate, PolicyChange, PolicyShift, SettingChange, SwapErrand, SwapFate, Swapped,
};

//! What a delivery gets besides WASI: the payload, the job, and HTTP by the egress. All of
//! it is bound to the job in hand.

mod exchange;
mod fields;
mod http;
mod job;
mod payload;

pub(crate) use http::HttpHooks;
pub(crate) use job::CurrentJob;
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub use payload::PayloadHandle;

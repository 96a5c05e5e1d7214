//! Payload bytes on their way from a shared source to a device, without a copy.

mod body;
mod range;
mod source;
mod stream;
mod throttle;

pub use body::PayloadBody;
pub use range::OutOfRange;
pub use source::{BLOCK_SIZE, PayloadSource, SourceError};
pub use stream::PayloadStream;
pub use throttle::Throttle;

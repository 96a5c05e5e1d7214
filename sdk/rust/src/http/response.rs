//! Responses.

use crate::{DeliveryError, host};

/// How much of an unwanted body is read so that its connection can serve the next
/// request; beyond that a new connection is cheaper.
const DRAIN_LIMIT: usize = 64 * 1024;

/// How much is asked of the host at a time.
const READ: usize = 16 * 1024;

/// An answer, of whatever status. Its connection serves further requests once the
/// body was read or discarded.
pub struct Response(pub(super) host::Incoming);

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// The first header of this name, if it is text. Names are compared without
    /// regard to case.
    pub fn header(&self, name: &str) -> Option<String> {
        let value = str::from_utf8(self.0.header(name)?).ok()?;
        Some(value.to_owned())
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// [`DeliveryError::DeviceError`] if it is longer than `limit` bytes, and what
    /// breaks a connection.
    pub fn read(self, limit: usize) -> Result<Vec<u8>, DeliveryError> {
        let (body, complete) = self.collect(limit)?;
        if complete {
            return Ok(body);
        }
        Err(DeliveryError::device_error(format!(
            "the device answered with more than {limit} bytes"
        )))
    }

    /// Reads the beginning of the body as text, for an error message: at most
    /// `limit` bytes, control characters and invalid UTF-8 replaced. What cannot be
    /// read is empty.
    pub fn excerpt(self, limit: usize) -> String {
        let (mut body, _) = self.collect(DRAIN_LIMIT.max(limit)).unwrap_or_default();
        body.truncate(limit);
        let text = String::from_utf8_lossy(&body);
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        text.trim().chars().map(clean).collect()
    }

    /// Reads the body away. A body that goes on for more than 64 KiB, or breaks,
    /// costs the connection and nothing else.
    pub fn discard(mut self) {
        let mut left = DRAIN_LIMIT;
        while left > 0 {
            match self.0.read(READ.min(left)) {
                Ok(Some(bytes)) => left = left.saturating_sub(bytes.len()),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// At most `limit` bytes, and whether that was all.
    fn collect(mut self, limit: usize) -> Result<(Vec<u8>, bool), DeliveryError> {
        let mut body = Vec::new();
        loop {
            // One byte more than allowed tells a full body from one too long.
            match self.0.read(READ.min(limit - body.len() + 1))? {
                None => return Ok((body, true)),
                Some(bytes) => body.extend_from_slice(&bytes),
            }
            if body.len() > limit {
                body.truncate(limit);
                return Ok((body, false));
            }
        }
    }
}

//! Header fields as they are on the wire.

use crate::DeliveryError;

/// Room for the fields of a request of the usual size.
const ROOM: usize = 512;

/// Header fields as `exchange` passes them: a line of name, colon, value and CR LF for each, in
/// one allocation for all.
#[derive(Clone, Default)]
pub(crate) struct Fields(Vec<u8>);

impl Fields {
    /// None yet, and room for some.
    pub(super) fn begin() -> Self {
        Self(Vec::with_capacity(ROOM))
    }

    /// Adds a field.
    ///
    /// # Errors
    /// If HTTP cannot hold its name or value: a line's end above all, which would make
    /// a field of what follows it.
    pub(crate) fn add(&mut self, name: &str, value: &[u8]) -> Result<(), DeliveryError> {
        let is_name = !name.is_empty() && name.bytes().all(is_token);
        if !is_name || !value.iter().copied().all(is_value) {
            return Err(refused(name));
        }
        self.0.reserve(name.len() + value.len() + 4);
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.0.extend_from_slice(part);
        }
        Ok(())
    }

    /// Names and values in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.split(|byte| *byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
    }
}

/// As the real host has them.
#[cfg(target_family = "wasm")]
impl Fields {
    /// Those of an answer.
    pub(crate) fn of_lines(lines: Vec<u8>) -> Self {
        Self(lines)
    }

    /// Those of a request.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.0
    }

    /// The value of the first field of this name, compared without regard to case.
    pub(crate) fn first(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

/// What is said of a field that cannot be sent.
pub(crate) fn refused(name: &str) -> DeliveryError {
    DeliveryError::other(format!(
        "the header {name} is not allowed, or its value is not allowed in HTTP"
    ))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

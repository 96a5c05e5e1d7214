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
        if !is_header_name(name) || !is_value(value) {
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

/// Whether HTTP can hold a header of this name: letters, digits and some marks (RFC 9110, 5.6.2).
pub fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| TOKEN[usize::from(byte)])
}

/// Which bytes names are made of. A table, because looking for each dash among the marks took an
/// eighth of what a push costs in the plugin.
static TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0;
    while byte < token.len() {
        token[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut mark = 0;
    while mark < marks.len() {
        token[marks[mark] as usize] = true;
        mark += 1;
    }
    token
};

fn is_value(value: &[u8]) -> bool {
    let (words, rest) = value.as_chunks();
    let may_stand = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    (words.iter().all(is_printable) && rest.iter().all(may_stand)) || value.iter().all(may_stand)
}

/// Whether all of eight bytes are printable ASCII; it may say no of some that are. A turn of a loop
/// costs an instance more than what it does with a byte.
pub(super) fn is_printable(bytes: &[u8; 8]) -> bool {
    const EACH: u64 = u64::MAX / 255;
    let word = u64::from_ne_bytes(*bytes);
    // A byte below the space borrows from its own highest bit, and so does 0x7f if it is added one.
    let below = word.wrapping_sub(EACH * 0x20);
    let above = word.wrapping_add(EACH);
    (word | below | above) & (EACH * 0x80) == 0
}

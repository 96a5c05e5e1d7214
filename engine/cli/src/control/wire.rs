//! A JSON value a line.

use std::io;

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};

/// Longest line accepted, its end included: a list of a few ten thousand devices, or an
/// event with all a policy said, and no more than a client may cost in memory.
pub(super) const MAX_LINE_BYTES: u64 = 4 << 20;

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other side has gone away.
    #[error("the connection broke")]
    Broken(#[from] io::Error),
    /// The line is longer than [`MAX_LINE_BYTES`].
    #[error("a line has at most {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// It is not what was expected.
    #[error("the line is not understood: {0}")]
    Malformed(#[source] serde_json::Error),
}

/// Reads values.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    /// What of the next line was read so far.
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn of(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
        }
    }

    /// The next value; none at the end. May be dropped half-way and called again.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, WireError> {
        let room = MAX_LINE_BYTES.saturating_sub(self.line.len() as u64);
        let mut bounded = (&mut self.reader).take(room);
        bounded.read_until(b'\n', &mut self.line).await?;
        if self.line.last() == Some(&b'\n') {
            let value = serde_json::from_slice(&self.line).map_err(WireError::Malformed);
            self.line.clear();
            return value.map(Some);
        }
        match self.line.len() as u64 {
            0 => Ok(None),
            MAX_LINE_BYTES.. => Err(WireError::TooLong),
            _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

/// Writes a value.
pub(super) async fn write<T: Serialize>(
    writer: &mut (impl AsyncWrite + Unpin),
    value: &T,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}

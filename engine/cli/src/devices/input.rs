use std::io::{self, BufRead};

use super::MAX_RECORD_BYTES;

/// How much white space before a record is kept, for the looks of an excerpt.
const MAX_INDENT_BYTES: usize = 64;

/// How much of a line is shown where the file stops making sense.
const MAX_REST_BYTES: usize = 120;

/// A stream of bytes that knows its line and column.
pub(super) struct Input<R> {
    reader: R,
    line: usize,
    column: usize,
    /// The white space that the line begins with, while there is nothing else on it.
    indent: Option<Vec<u8>>,
}

/// A piece of the file with its place.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Of the first byte, from 1.
    pub(super) line: usize,
    /// Characters before the first byte on its line.
    pub(super) columns_before: usize,
    /// Where the record begins after its indentation.
    pub(super) body: usize,
}

impl<R: BufRead> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line: 1,
            column: 0,
            indent: Some(Vec::new()),
        }
    }

    pub(super) fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        if self.reader.fill_buf()?.starts_with(MARK) {
            self.reader.consume(MARK.len());
        }
        Ok(())
    }

    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.reader.fill_buf()?.first().copied())
    }

    pub(super) fn bump(&mut self) -> io::Result<Option<u8>> {
        let Some(byte) = self.peek()? else {
            return Ok(None);
        };
        self.reader.consume(1);
        match byte {
            b'\n' => {
                self.line += 1;
                self.column = 0;
                self.indent = Some(Vec::new());
            }
            b' ' | b'\t' | b'\r' => {
                self.column += 1;
                self.indent = self
                    .indent
                    .take()
                    .filter(|indent| indent.len() < MAX_INDENT_BYTES)
                    .map(|mut indent| {
                        indent.push(byte);
                        indent
                    });
            }
            _ => {
                let continues_character = byte & 0xC0 == 0x80;
                self.column += usize::from(!continues_character);
                self.indent = None;
            }
        }
        Ok(Some(byte))
    }

    /// Line and column of the next byte, from 1.
    pub(super) fn position(&self) -> (usize, usize) {
        (self.line, self.column + 1)
    }

    pub(super) fn skip_blanks(&mut self) -> io::Result<()> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek()? {
            self.bump()?;
        }
        Ok(())
    }

    /// An empty piece at the place in hand, its indentation included.
    pub(super) fn begin(&self) -> Piece {
        let indent = self.indent.clone();
        let columns_before = if indent.is_some() { 0 } else { self.column };
        let bytes = indent.unwrap_or_default();
        Piece {
            line: self.line,
            columns_before,
            body: bytes.len(),
            bytes,
        }
    }

    /// The rest of the line, to show where something is wrong.
    pub(super) fn rest_of_line(&mut self) -> io::Result<Piece> {
        let mut piece = self.begin();
        while piece.bytes.len() < MAX_REST_BYTES {
            match self.peek()? {
                None | Some(b'\n') => break,
                Some(byte) => {
                    piece.bytes.push(byte);
                    self.bump()?;
                }
            }
        }
        Ok(piece)
    }

    /// Adds the rest of the line with its end, or less if the piece would be longer than
    /// [`MAX_RECORD_BYTES`]. Whether there was anything to add.
    pub(super) fn take_line(&mut self, piece: &mut Piece) -> io::Result<bool> {
        let before = piece.bytes.len();
        while piece.bytes.len() <= MAX_RECORD_BYTES {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let room = MAX_RECORD_BYTES + 1 - piece.bytes.len();
            let available = &available[..available.len().min(room)];
            let newline = available.iter().position(|byte| *byte == b'\n');
            let taken = newline.map_or(available.len(), |newline| newline + 1);
            piece.bytes.extend_from_slice(&available[..taken]);
            self.reader.consume(taken);
            if newline.is_some() {
                self.line += 1;
                break;
            }
        }
        self.column = 0;
        self.indent = Some(Vec::new());
        Ok(piece.bytes.len() > before)
    }
}

use std::ops::Range;

/// A stretch of a [`SourceFile`]'s text in bytes, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

/// A file that diagnostics point into: the whole of it, or the record of a large file in
/// which something is wrong.
#[derive(Debug)]
pub struct SourceFile {
    name: String,
    text: String,
    first_line: usize,
    columns_before: usize,
}

impl SourceFile {
    /// A whole file, under the name the operator knows it by.
    pub fn whole(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::excerpt(name, text, 1, 0)
    }

    /// A part of a file whose first character is in `first_line` (from 1) after
    /// `columns_before` characters that are left out.
    pub fn excerpt(
        name: impl Into<String>,
        text: impl Into<String>,
        first_line: usize,
        columns_before: usize,
    ) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            first_line,
            columns_before,
        }
    }

    /// The name to show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text that spans count in.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn first_line(&self) -> usize {
        self.first_line
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let before = &self.text[..offset];
        let lines = before.bytes().filter(|byte| *byte == b'\n').count();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        let left_out = self.columns_left_out(offset);
        (self.first_line + lines, column + left_out)
    }

    /// How many characters of the byte's line come before the excerpt.
    pub(super) fn columns_left_out(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        if before.contains(&b'\n') {
            0
        } else {
            self.columns_before
        }
    }

    /// The span moved onto character boundaries inside the text.
    pub(super) fn clamp(&self, span: Span) -> Range<usize> {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.ceil_char_boundary(span.end).max(start);
        start..end
    }
}

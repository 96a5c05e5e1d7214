use std::sync::{Arc, OnceLock};

use super::input::Piece;
use crate::diagnostic::{Diagnostic, SourceFile, Span};

/// A record of the file in which problems can be pointed out.
pub(super) struct Examined<'a> {
    file: &'a str,
    text: &'a str,
    line: usize,
    columns_before: usize,
    source: OnceLock<Arc<SourceFile>>,
}

impl<'a> Examined<'a> {
    /// Fails with the problem if the bytes are not UTF-8.
    pub(super) fn new(file: &'a str, piece: &'a Piece) -> Result<Self, Diagnostic> {
        let text = std::str::from_utf8(&piece.bytes).map_err(|cause| {
            let line_breaks = piece.bytes[..cause.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            let line = piece.line + line_breaks;
            Diagnostic::error("the devices are not UTF-8").in_file(format!("{file}:{line}"))
        })?;
        Ok(Self {
            file,
            text,
            line: piece.line,
            columns_before: piece.columns_before,
            source: OnceLock::new(),
        })
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The place of a part of [`Self::text`], by its address.
    pub(super) fn span_of(&self, part: &str) -> Span {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        Span {
            start,
            end: start + part.len(),
        }
    }

    pub(super) fn line_of(&self, span: Span) -> usize {
        let before = &self.text.as_bytes()[..span.start];
        self.line + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// The place in words, to be shown without the text.
    pub(super) fn place_of(&self, span: Span) -> String {
        let (line, column) = self.source().position(span.start);
        format!("{}:{line}:{column}", self.file)
    }

    pub(super) fn error(
        &self,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(message).at(self.source(), span, label)
    }

    /// Made on demand: in a good file there is never one.
    fn source(&self) -> &Arc<SourceFile> {
        self.source.get_or_init(|| {
            let text = self.text.trim_end_matches(['\r', '\n']);
            let excerpt = SourceFile::excerpt(self.file, text, self.line, self.columns_before);
            Arc::new(excerpt)
        })
    }
}

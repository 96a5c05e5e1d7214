use std::ops::Range;

use super::Located;
use crate::diagnostic::{SourceFile, Span};

/// An expression in a plugin's language, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// As the plugin sees it.
    pub text: String,
    /// The TOML string, quotes included.
    pub span: Span,
}

impl Expression {
    pub(super) fn new(text: Located<String>) -> Self {
        Self {
            text: text.value,
            span: text.span,
        }
    }

    /// Where bytes of [`Self::text`] are written in the file: escapes, line breaks and the
    /// kind of quotes are taken into account.
    pub(super) fn locate(&self, source: &SourceFile, part: Range<usize>) -> Span {
        let Some(raw) = source.text().get(self.span.start..self.span.end) else {
            return self.span;
        };
        let start = unit_at(raw, part.start);
        let end = if part.end > part.start {
            unit_at(raw, part.end - 1).end
        } else {
            start.end
        };
        Span {
            start: self.span.start + start.start,
            end: self.span.start + end,
        }
    }
}

/// The bytes of a TOML string literal that stand for the byte at `offset` of its value;
/// the closing quote for an offset at or after the end.
fn unit_at(raw: &str, offset: usize) -> Range<usize> {
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let Some(quote) = quotes.into_iter().find(|quote| raw.starts_with(*quote)) else {
        return 0..raw.len();
    };
    let escapes = quote.starts_with('"');
    let end = raw.len().saturating_sub(quote.len());
    let mut at = quote.len();
    if quote.len() == 3 {
        at += newline_length(&raw[at..]);
    }
    let mut value_length = 0;
    while let Some(rest) = raw.get(at..end).filter(|rest| !rest.is_empty()) {
        let (written, meant) = if escapes {
            unit(rest)
        } else {
            let length = first_char_length(rest);
            (length, length)
        };
        if offset < value_length + meant {
            return at..at + written;
        }
        value_length += meant;
        at += written;
    }
    at..raw.len()
}

/// How many bytes the first character or escape of `rest` takes, and how many it means.
fn unit(rest: &str) -> (usize, usize) {
    let Some(escaped) = rest.strip_prefix('\\') else {
        let length = first_char_length(rest);
        return (length, length);
    };
    let digits = match escaped.as_bytes().first() {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        Some(b' ' | b'\t' | b'\r' | b'\n') => {
            let left = escaped.trim_start_matches([' ', '\t', '\r', '\n']);
            return (rest.len() - left.len(), 0);
        }
        _ => return (2, 1),
    };
    let meant = escaped
        .get(1..=digits)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .and_then(char::from_u32)
        .map_or(1, char::len_utf8);
    (2 + digits, meant)
}

fn first_char_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

fn newline_length(text: &str) -> usize {
    if text.starts_with('\n') {
        1
    } else if text.starts_with("\r\n") {
        2
    } else {
        0
    }
}

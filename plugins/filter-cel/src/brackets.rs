//! The pairs of brackets in an expression's text.

use std::ops::Range;

/// Matching brackets outside of string literals and comments, by the offset of
/// the one that opens.
pub(crate) struct Brackets(Vec<Range<usize>>);

impl Brackets {
    pub(crate) fn of(text: &str) -> Self {
        let mut open = Vec::new();
        let mut pairs = Vec::new();
        for (at, sign) in signs(text) {
            match sign {
                '(' | '[' | '{' => open.push(at),
                ')' | ']' | '}' => pairs.extend(open.pop().map(|start| start..at + 1)),
                _ => {}
            }
        }
        Self(pairs)
    }

    /// The smallest part around `part` that cuts no pair in two.
    pub(crate) fn close(&self, part: Range<usize>) -> Range<usize> {
        // Pairs are listed inner ones first, so one pass sees every pair that
        // a wider part comes to cut.
        self.0.iter().fold(part, |part, pair| {
            let opens = part.contains(&pair.start);
            let closes = part.contains(&(pair.end - 1));
            match opens == closes {
                true => part,
                false => part.start.min(pair.start)..part.end.max(pair.end),
            }
        })
    }
}

/// The first place where operators and brackets are stacked higher than
/// `limit`, if there is one.
///
/// A chain such as `a + b + c`, and each bracket, makes the tree deeper, and the
/// interpreter's stack with it; `&&`, `||` and the elements of a list do not.
pub(crate) fn too_deep(text: &str, limit: usize) -> Option<usize> {
    let mut around = Vec::new();
    let mut chain = 0;
    for (at, sign) in signs(text) {
        match sign {
            '(' | '[' | '{' => {
                around.push(chain);
                chain += BRACKET;
            }
            // One that has closed leaves a step in the chain: `a[0][0]`.
            ')' | ']' | '}' => chain = around.pop().unwrap_or(0) + 1,
            '&' | '|' | ',' => chain = around.last().map_or(0, |outer| outer + BRACKET),
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '.' => chain += 1,
            '?' => chain += BRACKET,
            _ => {}
        }
        if chain > limit {
            return Some(at);
        }
    }
    None
}

/// What a bracket or a conditional weighs against an operator: the parser goes
/// through all levels of precedence for it.
const BRACKET: usize = 4;

/// Every character outside of string literals and comments, with its offset.
fn signs(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let sign = rest.chars().next()?;
        let at = text.len() - rest.len();
        rest = match sign {
            '\'' | '"' => after_literal(rest, raw(&text[..at])),
            '/' if rest.starts_with("//") => rest.find('\n').map_or("", |end| &rest[end..]),
            _ => &rest[sign.len_utf8()..],
        };
        Some((at, sign))
    })
}

/// Whether the literal that starts after `before` has the prefix `r`.
fn raw(before: &str) -> bool {
    let prefix: Vec<char> = before
        .chars()
        .rev()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    prefix.len() <= 2 && prefix.iter().any(|c| c.eq_ignore_ascii_case(&'r'))
}

/// What follows the literal at the start of `text`.
fn after_literal(text: &str, raw: bool) -> &str {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let end = if text.starts_with(&triple) {
        triple.as_str()
    } else {
        quote
    };
    let mut rest = &text[end.len()..];
    while let Some(next) = rest.chars().next() {
        if let Some(rest) = rest.strip_prefix(end) {
            return rest;
        }
        rest = &rest[next.len_utf8()..];
        if next == '\\' && !raw {
            rest = rest
                .chars()
                .next()
                .map_or("", |escaped| &rest[escaped.len_utf8()..]);
        }
    }
    rest
}

//! Parsing, and parse errors in words and byte offsets.

use std::ops::Range;

use cel::parser::ParseError;
use cel::{Env, Program};
use windlass_sdk::Problem;

use crate::brackets::too_deep;
use crate::check::problem;

/// The longest expression, in bytes. A list of a thousand device ids fits; the
/// parser's memory grows with the text.
const MAX_EXPRESSION: usize = 64 * 1024;

/// How many operators may be stacked, as [`too_deep`] counts them. Parser and
/// interpreter recurse, on the half megabyte that a guest's stack has.
const MAX_DEPTH: usize = 100;

/// Parses `text`, or says everything that is wrong with it.
pub(crate) fn parse(env: &Env, text: &str) -> Result<Program, Vec<Problem>> {
    let whole = 0..text.len();
    if text.trim().is_empty() {
        return Err(vec![problem(
            whole,
            "the expression is empty",
            Some("`true` means every device".into()),
        )]);
    }
    if text.len() > MAX_EXPRESSION {
        let message = format!(
            "the expression has {} bytes, and {MAX_EXPRESSION} are allowed",
            text.len()
        );
        return Err(vec![problem(whole, message, None)]);
    }
    if let Some(at) = too_deep(text, MAX_DEPTH) {
        let hint = "`&&`, `||` and lists may be as long as you like";
        return Err(vec![problem(
            at..text.len(),
            "the expression is nested too deeply",
            Some(hint.into()),
        )]);
    }
    env.compile(text).map_err(|errors| {
        let mut problems: Vec<Problem> = errors
            .errors
            .iter()
            .map(|error| explain(text, error))
            .collect();
        // One slip makes the parser stumble several times; what comes after
        // the first at a place says nothing new.
        problems.dedup_by(|later, first| later.place == first.place);
        problems
    })
}

fn explain(text: &str, error: &ParseError) -> Problem {
    let at = offset(text, error.pos);
    let message = error
        .msg
        .strip_prefix("Syntax error: ")
        .unwrap_or(&error.msg);
    if let Some(unknown) = between(message, "token recognition error at: '", "'") {
        let unknown = unknown.trim_end();
        let hint = match unknown {
            _ if unknown.starts_with(['"', '\'']) => Some("the text has no closing quote"),
            other => habit(other),
        };
        return problem(
            at..at + unknown.len(),
            format!("unexpected `{unknown}`"),
            hint.map(str::to_owned),
        );
    }
    if let Some(missing) = between(message, "missing ", " at ") {
        return problem(
            token_at(text, at),
            format!("missing {}", missing.replace('\'', "`")),
            None,
        );
    }
    let unexpected = [
        "mismatched input '",
        "extraneous input '",
        "no viable alternative at input '",
    ];
    if unexpected.iter().any(|start| message.starts_with(start)) {
        let token = token_at(text, at);
        let message = match &text[token.clone()] {
            "" => "the expression ends too early".to_owned(),
            found => format!("unexpected `{found}`"),
        };
        let hint = habit(&text[token.clone()]);
        return problem(token, message, hint.map(str::to_owned));
    }
    problem(token_at(text, at), message, None)
}

/// What CEL has for a word or sign of other languages.
fn habit(found: &str) -> Option<&'static str> {
    Some(match found {
        "=" => "equality is `==`",
        "&" | "and" | "AND" => "write `&&`",
        "|" | "or" | "OR" => "write `||`",
        "not" | "NOT" => "write `!`",
        _ => return None,
    })
}

/// The offset of a line and column, both counted from 1, columns in characters.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let skipped = usize::try_from(line - 1).unwrap_or(0);
    let start: usize = text.split_inclusive('\n').take(skipped).map(str::len).sum();
    let column = usize::try_from(column - 1).unwrap_or(0);
    let within: usize = text[start..].chars().take(column).map(char::len_utf8).sum();
    start + within
}

/// The word or sign that starts at `at`, empty at the end of the text.
fn token_at(text: &str, at: usize) -> Range<usize> {
    let rest = &text[at..];
    let word: usize = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .map(char::len_utf8)
        .sum();
    let width = if word > 0 {
        word
    } else {
        rest.chars().next().map_or(0, char::len_utf8)
    };
    at..at + width
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(start)?;
    rest.rfind(end).map(|end| &rest[..end])
}

//! Texts of others, made fit for a terminal: their width is counted in columns, and no
//! character of theirs moves the cursor.

use unicode_width::UnicodeWidthChar as _;

use super::Glyphs;

/// Longest text of somebody else's that is shown, in characters.
const MAX_CHARS: usize = 600;

/// On one line, without control characters or such as turn the direction of writing.
pub(super) fn clean(text: &str, glyphs: Glyphs) -> String {
    let mut cleaned = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == MAX_CHARS {
            cleaned.push_str(ellipsis(glyphs));
            break;
        }
        if character.is_whitespace() {
            cleaned.push(' ');
        } else if character.is_control() || turns(character) {
            cleaned.extend(character.escape_default());
        } else if character.is_ascii() || glyphs == Glyphs::Unicode {
            cleaned.push(character);
        } else {
            cleaned.push('?');
        }
    }
    cleaned
}

/// The characters that change the direction in which others are shown.
fn turns(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn ellipsis(glyphs: Glyphs) -> &'static str {
    glyphs.pick("…", "~")
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn columns_of(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// Cut to so many columns, which shows.
pub(super) fn fit(text: &str, columns: usize, glyphs: Glyphs) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut fitted = head(text, columns.saturating_sub(1)).to_owned();
    fitted.push_str(ellipsis(glyphs));
    fitted
}

/// As much of the beginning as fits so many columns.
fn head(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, character) in text.char_indices() {
        taken += columns_of(character);
        if taken > columns {
            return &text[..at];
        }
    }
    text
}

/// Lines of at most `columns`, broken between words where that is possible.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    // A character may take two.
    let columns = columns.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        let mut rest = word;
        while width(&line) + width(rest) > columns {
            let part = head(rest, columns.saturating_sub(width(&line)));
            line.push_str(part);
            rest = &rest[part.len()..];
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(rest);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

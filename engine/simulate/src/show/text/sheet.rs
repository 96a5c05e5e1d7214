use crate::show::{
    Glyphs, Ink, Look,
    foreign::{clean, fit, width, wrap},
};

/// Columns of a label before its text.
const LABEL: usize = 14;

/// What a part of a line is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Blue => "34",
        }
    }
}

/// Lines, each within the width.
pub(super) struct Sheet {
    look: Look,
    text: String,
}

impl Sheet {
    pub(super) fn new(look: Look) -> Self {
        Self {
            look,
            text: String::new(),
        }
    }

    pub(super) fn columns(&self) -> usize {
        self.look.columns()
    }

    pub(super) fn glyphs(&self) -> Glyphs {
        self.look.glyphs
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// The text in a colour, if there are colours.
    pub(super) fn paint(&self, text: &str, colour: Option<Colour>) -> String {
        match (colour, self.look.ink) {
            (Some(colour), Ink::Coloured) if !text.trim().is_empty() => {
                format!("\x1b[{}m{text}\x1b[0m", colour.code())
            }
            _ => text.to_owned(),
        }
    }

    /// One line, whose parts are known to fit.
    pub(super) fn line(&mut self, parts: &[(&str, Option<Colour>)]) {
        let last = parts
            .iter()
            .rposition(|(text, _)| !text.trim_end().is_empty());
        let parts = &parts[..last.map_or(0, |last| last + 1)];
        for (index, (text, colour)) in parts.iter().enumerate() {
            let text = if index + 1 == parts.len() {
                text.trim_end()
            } else {
                text
            };
            let painted = self.paint(text, *colour);
            self.text.push_str(&painted);
        }
        self.text.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// As many lines as it takes.
    pub(super) fn paragraph(&mut self, text: &str, colour: Option<Colour>) {
        let text = self.clean(text);
        for line in wrap(&text, self.columns()) {
            self.line(&[(&line, colour)]);
        }
    }

    /// A label, and its text beside it, however many lines that takes.
    pub(super) fn labelled(&mut self, label: &str, text: &str) {
        self.hanging(&[(label, LABEL, Some(Colour::Dim))], text);
    }

    /// Cells of their widths, and beside them a text in lines of its own.
    pub(super) fn hanging(&mut self, cells: &[(&str, usize, Option<Colour>)], text: &str) {
        let indent = cells.iter().map(|(_, columns, _)| columns).sum::<usize>();
        let text = self.clean(text);
        let lines = wrap(&text, self.columns().saturating_sub(indent));
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                self.line(&[(&" ".repeat(indent), None), (line, None)]);
                continue;
            }
            let padded: Vec<_> = cells
                .iter()
                .map(|(cell, columns, colour)| (pad(cell, *columns), *colour))
                .collect();
            let mut parts: Vec<_> = padded
                .iter()
                .map(|(cell, ink)| (cell.as_str(), *ink))
                .collect();
            parts.push((line, None));
            self.line(&parts);
        }
    }

    /// A foreign text as it may be shown here.
    pub(super) fn clean(&self, text: &str) -> String {
        clean(text, self.look.glyphs)
    }

    /// A foreign text in so many columns at most.
    pub(super) fn fit(&self, text: &str, columns: usize) -> String {
        fit(&self.clean(text), columns, self.look.glyphs)
    }
}

/// Filled up with spaces behind.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Filled up with spaces before.
pub(super) fn pad_left(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{}{text}", " ".repeat(missing))
}

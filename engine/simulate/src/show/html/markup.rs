use std::fmt::{self, Display, Write as _};

use crate::show::{Glyphs, foreign::clean};

/// Names with what they are set to.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// Elements within a line of text; behind others a line feed is harmless.
const INLINE: [&str; 4] = ["span", "strong", "b", "text"];

/// Well-formed markup: every element is closed, and no text is taken for markup.
pub(super) struct Markup(String);

impl Markup {
    /// A page of this title and style, whose body is `content`.
    pub(super) fn page(title: &str, style: &str, content: impl FnOnce(&mut Self)) -> String {
        let mut page = Self("<!DOCTYPE html>\n".to_owned());
        let root: Attributes<'_> = &[("xmlns", &"http://www.w3.org/1999/xhtml"), ("lang", &"en")];
        page.element("html", root, |page| {
            page.element("head", &[], |page| {
                page.empty("meta", &[("charset", &"utf-8")]);
                let scaled = "width=device-width, initial-scale=1";
                page.empty("meta", &[("name", &"viewport"), ("content", &scaled)]);
                page.empty(
                    "meta",
                    &[("name", &"color-scheme"), ("content", &"light dark")],
                );
                page.leaf("title", &[], title);
                // Our own, without a character that would need to be escaped.
                page.element("style", &[], |page| page.0.push_str(style));
            });
            page.element("body", &[], content);
        });
        page.0
    }

    /// An element with its content.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.0.push('>');
        content(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        if !INLINE.contains(&name) {
            self.0.push('\n');
        }
    }

    /// An element that holds nothing but text.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |markup| markup.text(text));
    }

    /// An element of SVG, or one of HTML that never has content.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        self.0.push_str("/>\n");
    }

    /// Text of whomever.
    pub(super) fn text(&mut self, text: &str) {
        escape(&mut self.0, &clean(text, Glyphs::Unicode));
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(name);
        let mut value = String::new();
        for (name, shown) in attributes {
            value.clear();
            // Writing to a string cannot fail.
            write!(value, "{shown}").ok();
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape(&mut self.0, &value);
            self.0.push('"');
        }
    }
}

fn escape(into: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            // No characters of XML.
            '\u{fffe}' | '\u{ffff}' => into.push(char::REPLACEMENT_CHARACTER),
            other => into.push(other),
        }
    }
}

/// A length or place in a drawing, to a tenth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        if tenths.fract() == 0.0 {
            // Not "-0".
            write!(f, "{:.0}", tenths + 0.0)
        } else {
            write!(f, "{tenths:.1}")
        }
    }
}

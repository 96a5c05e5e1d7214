use std::ops::Range;

use windlass_model::PluginName;

use super::{Config, Expression};
use crate::diagnostic::{Diagnostic, Span};

/// What others found wrong with the configuration, at its place in the file.
impl Config {
    /// An error about something in the file.
    pub fn error_at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).at(&self.source, span, "")
    }

    /// A warning about something in the file.
    pub fn warning_at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(message).at(&self.source, span, "")
    }

    /// The line and column, from 1, of a place in the file, and the file's name.
    pub fn position(&self, span: Span) -> (&str, usize, usize) {
        let (line, column) = self.source.position(span.start);
        (self.source.name(), line, column)
    }

    /// Where the setting that a JSON pointer names is written; the plugin's own table if
    /// it is not.
    pub fn locate(&self, plugin: &PluginName, pointer: &str) -> Span {
        self.plugins
            .get(plugin)
            .map(|section| section.settings.locate(pointer))
            .unwrap_or_default()
    }

    /// Where a plugin's settings say this text first; the plugin's own table if they do not.
    pub fn locate_text(&self, plugin: &PluginName, text: &str) -> Span {
        self.plugins
            .get(plugin)
            .map(|section| section.settings.locate_text(text))
            .unwrap_or_default()
    }

    /// As [`Self::locate`], but the setting's key: for one that should not be there.
    pub fn locate_key(&self, plugin: &PluginName, pointer: &str) -> Span {
        self.plugins
            .get(plugin)
            .map(|section| section.settings.locate_key(pointer))
            .unwrap_or_default()
    }

    /// Where bytes of an expression are written.
    pub fn locate_in(&self, expression: &Expression, part: Range<u32>) -> Span {
        expression.locate(&self.source, part.start as usize..part.end as usize)
    }
}

//! Messages about an operator's input, in the style of a compiler: the file, the line,
//! the column, what is wrong there, and the nearest right thing.

mod collection;
mod nearest;
mod render;
mod source;

pub use collection::Diagnostics;
pub use nearest::{clean, nearest, quote};
pub use render::underlined;
pub use source::{SourceFile, Span};

use std::sync::Arc;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is done until it is mended.
    Error,
    /// Worth a look; the work goes on.
    Warning,
}

/// One message with the places it speaks of.
///
/// Texts are one sentence without a full stop. Foreign text that goes into `helps` and
/// `notes` must have gone through [`quote`]; the renderer neutralises it everywhere else.
#[derive(Clone, Debug)]
pub struct Diagnostic(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    severity: Severity,
    message: String,
    labels: Vec<Label>,
    file: Option<String>,
    helps: Vec<String>,
    notes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Label {
    source: Arc<SourceFile>,
    span: Span,
    text: String,
    primary: bool,
}

impl Diagnostic {
    /// An error.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// A warning.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        Self(Box::new(Parts {
            severity,
            message,
            labels: Vec::new(),
            file: None,
            helps: Vec::new(),
            notes: Vec::new(),
        }))
    }

    /// The place where it is wrong. The first one gives the line and column of the heading.
    #[must_use]
    pub fn at(mut self, source: &Arc<SourceFile>, span: Span, label: impl Into<String>) -> Self {
        self.0.labels.push(Label {
            source: Arc::clone(source),
            span,
            text: label.into(),
            primary: true,
        });
        self
    }

    /// A further place that has to do with it.
    #[must_use]
    pub fn see(mut self, source: &Arc<SourceFile>, span: Span, label: impl Into<String>) -> Self {
        self.0.labels.push(Label {
            source: Arc::clone(source),
            span,
            text: label.into(),
            primary: false,
        });
        self
    }

    /// The file, where no place within it can be named.
    #[must_use]
    pub fn in_file(mut self, name: impl Into<String>) -> Self {
        self.0.file = Some(name.into());
        self
    }

    /// What to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.0.helps.push(text.into());
        self
    }

    /// A fact that explains it.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.0.notes.push(text.into());
        self
    }

    fn offset(&self) -> Option<usize> {
        self.0.labels.first().map(|label| label.span.start)
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// What is wrong, without its place.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

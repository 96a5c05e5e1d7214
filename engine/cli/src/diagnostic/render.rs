use std::{fmt, io::Write, sync::Arc};

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet,
};

use super::{Diagnostic, Diagnostics, Label, Severity, SourceFile, Span};

pub(super) const PLAIN: Renderer = Renderer::plain();

impl Diagnostic {
    /// Writes it to standard error, coloured if that is a terminal.
    pub fn emit(&self) {
        write_to_stderr(&self.render(Renderer::styled()));
    }

    fn render(&self, renderer: Renderer) -> String {
        let level = match self.0.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(self.0.message.as_str()));
        if let (Some(file), true) = (&self.0.file, self.0.labels.is_empty()) {
            group = group.element(Origin::path(file.as_str()));
        }
        for (source, labels) in by_source(&self.0.labels) {
            group = group.element(excerpt(source, &labels));
        }
        for note in &self.0.notes {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        for help in &self.0.helps {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let rendered = renderer.render(&[group]);
        match self.0.labels.first() {
            Some(first) => with_true_column(rendered, first),
            None => rendered,
        }
    }
}

impl Diagnostics {
    /// Writes them to standard error, coloured if that is a terminal.
    pub fn emit(&self) {
        write_to_stderr(&self.render(Renderer::styled()));
    }

    pub(super) fn render(&self, renderer: Renderer) -> String {
        let mut blocks: Vec<String> = self
            .iter()
            .map(|diagnostic| diagnostic.render(renderer.clone()))
            .collect();
        if self.left_out() > 0 {
            let title = Level::ERROR.primary_title(format!(
                "{} more problems are not shown; mend these first",
                self.left_out()
            ));
            blocks.push(renderer.render(&[Group::with_title(title)]));
        }
        blocks.join("\n\n")
    }
}

impl fmt::Display for Diagnostic {
    /// The text as it is on a terminal, without colours and a final newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(PLAIN))
    }
}

/// Text with stretches of it underlined, each with what is said of it. Coloured: whoever
/// writes it elsewhere than to a terminal strips that.
pub fn underlined(text: &str, parts: &[(Span, String)]) -> String {
    let source = SourceFile::whole("", text);
    let annotations = parts.iter().map(|(span, said)| {
        AnnotationKind::Primary
            .span(source.clamp(*span))
            .label(said.as_str())
    });
    let snippet = Snippet::source(source.text()).annotations(annotations);
    let group = Group::with_level(Level::NOTE).element(snippet);
    Renderer::styled().render(&[group])
}

/// The labels of one file together, in the order of each file's first.
fn by_source(labels: &[Label]) -> Vec<(&Arc<SourceFile>, Vec<&Label>)> {
    let mut files: Vec<(&Arc<SourceFile>, Vec<&Label>)> = Vec::new();
    for label in labels {
        match files
            .iter_mut()
            .find(|(source, _)| Arc::ptr_eq(source, &label.source))
        {
            Some((_, of_file)) => of_file.push(label),
            None => files.push((&label.source, vec![label])),
        }
    }
    files
}

fn excerpt<'a>(source: &'a SourceFile, labels: &[&'a Label]) -> Element<'a> {
    Snippet::source(source.text())
        .path(source.name())
        .line_start(source.first_line())
        .annotations(labels.iter().map(|label| annotation(source, label)))
        .into()
}

/// The renderer counts the columns of an excerpt from the excerpt's start; this puts in
/// those of the file.
fn with_true_column(rendered: String, label: &Label) -> String {
    let source = &label.source;
    let (line, column) = source.position(label.span.start);
    let left_out = source.columns_left_out(label.span.start);
    if left_out == 0 {
        return rendered;
    }
    let place = |column: usize| format!("{}:{line}:{column}", source.name());
    rendered.replacen(&place(column - left_out), &place(column), 1)
}

fn annotation<'a>(source: &SourceFile, label: &'a Label) -> Annotation<'a> {
    let kind = if label.primary {
        AnnotationKind::Primary
    } else {
        AnnotationKind::Context
    };
    let text = Some(label.text.as_str()).filter(|text| !text.is_empty());
    kind.span(source.clamp(label.span)).label(text)
}

/// Nobody can be told that standard error is closed.
fn write_to_stderr(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

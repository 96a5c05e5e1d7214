use std::{
    cell::RefCell,
    num::{NonZeroU32, NonZeroU64},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Located,
    defaults::MAX_NAME_BYTES,
    schema::{Key, Kind, Need, Section},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, SourceFile, Span, nearest, quote},
    units::{self, UnitError},
};

/// The file in hand and what was found wrong with it so far.
pub(super) struct Context<'a> {
    pub(super) source: &'a Arc<SourceFile>,
    pub(super) directory: &'a Path,
    pub(super) problems: RefCell<Diagnostics>,
}

impl Context<'_> {
    pub(super) fn report(&self, problem: Diagnostic) {
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>, label: impl Into<String>) {
        self.report(Diagnostic::error(message).at(self.source, span, label));
    }

    /// A path as the file means it: relative to the file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    pub(super) fn wrong_type(&self, value: &Spanned<DeValue<'_>>, name: &str, expected: &str) {
        let found = with_article(value.get_ref().type_str());
        self.error(
            value.span().into(),
            format!("wrong type for `{name}`: expected {expected}, found {found}"),
            format!("expected {expected}"),
        );
    }
}

/// Typed access to a table. A value that is not right is reported and then treated as
/// absent, so that everything else is looked at too.
pub(super) struct Reader<'a> {
    pub(super) context: &'a Context<'a>,
    table: &'a DeTable<'a>,
    section: &'static Section,
}

impl<'a> Reader<'a> {
    /// Reports unknown and missing keys at once. `span` is the table's header, or nothing
    /// for the file as a whole.
    pub(super) fn open(
        context: &'a Context<'a>,
        table: &'a DeTable<'a>,
        span: Option<Span>,
        section: &'static Section,
    ) -> Self {
        let reader = Self {
            context,
            table,
            section,
        };
        reader.report_unknown_keys();
        reader.report_missing_keys(span);
        reader
    }

    fn report_unknown_keys(&self) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if self.section.key(name).is_some() {
                continue;
            }
            let known = self.section.keys.iter().map(|key| key.name);
            let problem = Diagnostic::error(format!("unknown key {}", quote(name)));
            let span = key.span().into();
            self.context.report(match nearest(name, known.clone()) {
                Some(meant) => problem
                    .at(self.context.source, span, "not a key of this table")
                    .help(format!("did you mean `{meant}`?")),
                None => {
                    let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
                    problem
                        .at(self.context.source, span, "not a key of this table")
                        .help(format!("the keys here are {}", known.join(", ")))
                }
            });
        }
    }

    fn report_missing_keys(&self, span: Option<Span>) {
        for key in self.section.keys {
            let is_there = self.table.get(key.name).is_some() || self.is_misspelt(key.name);
            if is_there || !matches!(key.need, Need::Required) {
                continue;
            }
            let (what, written) = match key.kind {
                Kind::Section(_) => ("table", format!("[{}]", key.name)),
                Kind::Named(_) => ("table", format!("[{}.NAME]", key.name)),
                Kind::Text
                | Kind::Name
                | Kind::Digest
                | Kind::Length
                | Kind::Size
                | Kind::Whole
                | Kind::Count { .. }
                | Kind::Flag
                | Kind::Choice(_)
                | Kind::List(_)
                | Kind::Either(_)
                | Kind::Settings => ("key", format!("{} = …", key.name)),
            };
            let mut about = key.about.trim_end_matches('.').to_owned();
            if let Some(first) = about.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            let problem = Diagnostic::error(format!("missing {what} `{}`", key.name))
                .help(format!("add `{written}`: {about}"));
            self.context.report(match span {
                Some(span) => {
                    problem.at(self.context.source, span, format!("has no `{}`", key.name))
                }
                None => problem.in_file(self.context.source.name()),
            });
        }
    }

    /// Whether an unknown key was probably meant to be this one.
    fn is_misspelt(&self, name: &str) -> bool {
        let known = self.section.keys.iter().map(|key| key.name);
        self.table
            .keys()
            .map(|key| key.get_ref().as_ref())
            .filter(|key| self.section.key(key).is_none())
            .any(|key| nearest(key, known.clone()) == Some(name))
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        debug_assert!(self.section.key(name).is_some(), "{name} is not declared");
        self.table.get(name)
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        self.section.key(name)
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<Located<String>> {
        let value = self.value(name)?;
        text_of(self.context, value, name)
    }

    /// A text fit for headers and logs.
    pub(super) fn name(&self, name: &str) -> Option<Located<String>> {
        let text = self.text(name)?;
        let refuse = |why: &str| {
            self.context
                .error(text.span, format!("`{name}` {why}"), why.to_owned());
        };
        if text.value.len() > MAX_NAME_BYTES {
            refuse(&format!("is longer than {MAX_NAME_BYTES} bytes"));
            return None;
        }
        if text.value.chars().any(char::is_control) {
            refuse("has a control character in it");
            return None;
        }
        Some(text)
    }

    /// A whole number of at least what the key's declaration says.
    pub(super) fn count(&self, name: &str) -> Option<Located<u64>> {
        let value = self.value(name)?;
        let span = value.span().into();
        let DeValue::Integer(integer) = value.get_ref() else {
            self.context.wrong_type(value, name, "an integer");
            return None;
        };
        let least = match self.key(name).map(|key| &key.kind) {
            Some(Kind::Count { least }) => *least,
            _ => 0,
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(count) if count >= least => Some(Located { value: count, span }),
            _ => {
                let message = format!("`{name}` must be at least {least}, not {integer}");
                let label = format!("at least {least}");
                self.context.error(span, message, label);
                None
            }
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.context.wrong_type(value, name, "true or false");
        }
        flag
    }

    /// A length of time longer than none.
    pub(super) fn length(&self, name: &str) -> Option<Located<Duration>> {
        let value = self.value(name)?;
        let span = value.span().into();
        let parsed = match value.get_ref() {
            DeValue::String(text) => units::parse_duration(text),
            DeValue::Integer(number) => Err(UnitError::MissingUnit {
                suggestion: format!("{number}s"),
            }),
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.context
                    .wrong_type(value, name, "a duration such as \"30s\"");
                return None;
            }
        };
        match parsed {
            Ok(Duration::ZERO) => {
                let message = format!("`{name}` must be longer than 0s");
                self.context.error(span, message, "longer than 0s");
                None
            }
            Ok(value) => Some(Located { value, span }),
            Err(why) => {
                self.context
                    .error(span, format!("`{name}`: {why}"), "not a duration");
                None
            }
        }
    }

    /// As [`Self::count`], of 32 bits and at least 1.
    pub(super) fn small_count(&self, name: &str) -> Option<NonZeroU32> {
        let count = self.count(name)?;
        let small = u32::try_from(count.value).ok().and_then(NonZeroU32::new);
        if small.is_none() {
            let message = format!("`{name}` must be from 1 to {}", u32::MAX);
            self.context.error(count.span, message, "out of range");
        }
        small
    }

    /// A whole number of 32 bits.
    pub(super) fn whole(&self, name: &str) -> Option<i32> {
        let value = self.value(name)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            self.context.wrong_type(value, name, "an integer");
            return None;
        };
        let number = i32::from_str_radix(integer.as_str(), integer.radix()).ok();
        if number.is_none() {
            let (least, most) = (i32::MIN, i32::MAX);
            let message = format!("`{name}` must be from {least} to {most}, not {integer}");
            self.context
                .error(value.span().into(), message, "out of range");
        }
        number
    }

    /// A number of bytes, at least 1.
    pub(super) fn size(&self, name: &str) -> Option<NonZeroU64> {
        let value = self.value(name)?;
        let span = value.span().into();
        let parsed = match value.get_ref() {
            DeValue::String(text) => units::parse_size(text),
            DeValue::Integer(number) => Err(UnitError::MissingUnit {
                suggestion: format!("{number}MiB"),
            }),
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.context
                    .wrong_type(value, name, "a size such as \"50MiB\"");
                return None;
            }
        };
        match parsed.map(NonZeroU64::new) {
            Ok(Some(size)) => Some(size),
            Ok(None) => {
                let message = format!("`{name}` must be more than 0B");
                self.context.error(span, message, "more than 0B");
                None
            }
            Err(why) => {
                self.context
                    .error(span, format!("`{name}`: {why}"), "not a size");
                None
            }
        }
    }

    /// The tables of a list, each with its place.
    pub(super) fn sections(&self, name: &str) -> Vec<(Span, Reader<'a>)> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        let Some(Kind::List(Kind::Section(section))) = self.key(name).map(|key| &key.kind) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            self.context.wrong_type(value, name, "a list of tables");
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| {
                let reader = open_table(self.context, item, name, section)?;
                Some((item.span().into(), reader))
            })
            .collect()
    }

    /// The tables of a table of named tables, each with its name and place.
    pub(super) fn named(&self, name: &str) -> Vec<(Located<String>, Span, Reader<'a>)> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        let Some(Kind::Named(section)) = self.key(name).map(|key| &key.kind) else {
            return Vec::new();
        };
        let Some(table) = value.get_ref().as_table() else {
            self.context.wrong_type(value, name, "a table");
            return Vec::new();
        };
        table
            .iter()
            .filter_map(|(key, value)| {
                let name = Located {
                    value: key.get_ref().as_ref().to_owned(),
                    span: key.span().into(),
                };
                let reader = open_table(self.context, value, &name.value, section)?;
                Some((name, value.span().into(), reader))
            })
            .collect()
    }

    /// How many items a list has, right or wrong.
    pub(super) fn sections_written(&self, name: &str) -> usize {
        let items = self
            .value(name)
            .and_then(|value| value.get_ref().as_array());
        items.map_or(0, |items| items.len())
    }

    /// One of the words of the key's declaration.
    pub(super) fn choice<T: Copy>(&self, name: &str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let known = known.join(" or ");
            let message = format!("`{name}` must be {known}, not {}", quote(&text.value));
            self.context
                .error(text.span, message, format!("expected {known}"));
        }
        found.map(|(_, value)| *value)
    }

    /// A table inside this one.
    pub(super) fn section(&self, name: &str) -> Option<Reader<'a>> {
        let value = self.value(name)?;
        let Some(Kind::Section(section)) = self.key(name).map(|key| &key.kind) else {
            return None;
        };
        open_table(self.context, value, name, section)
    }
}

/// A value that must be a table with the keys of `section`.
pub(super) fn open_table<'a>(
    context: &'a Context<'a>,
    value: &'a Spanned<DeValue<'a>>,
    name: &str,
    section: &'static Section,
) -> Option<Reader<'a>> {
    let Some(table) = value.get_ref().as_table() else {
        context.wrong_type(value, name, "a table");
        return None;
    };
    let span = value.span().into();
    Some(Reader::open(context, table, Some(span), section))
}

/// A value that must be a text that is not empty.
pub(super) fn text_of(
    context: &Context<'_>,
    value: &Spanned<DeValue<'_>>,
    name: &str,
) -> Option<Located<String>> {
    let span = value.span().into();
    match value.get_ref().as_str() {
        Some("") => {
            context.error(span, format!("`{name}` is empty"), "empty");
            None
        }
        Some(text) => Some(Located {
            value: text.to_owned(),
            span,
        }),
        None => {
            context.wrong_type(value, name, "a string");
            None
        }
    }
}

fn with_article(type_name: &str) -> String {
    let article = if type_name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {type_name}")
}

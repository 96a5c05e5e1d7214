//! Regular expressions, compiled once when the filter is opened.

use std::any::Any;

use cel::common::types::{CelBool, CelString, Type};
use cel::common::value::{StaticVal, Val};
use cel::{DeclarationError, Env, add_member_overload, add_overload};
use regex_lite::Regex;

static PATTERN: Type = Type::new_unspecified_type("pattern");

/// What `matches` takes in place of the literal that the expression spells.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// Compiles `text`; matching is linear in the length of the text searched.
    pub(crate) fn compile(text: &str) -> Result<Self, regex_lite::Error> {
        Regex::new(text).map(Self)
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN
    }

    fn cel_type() -> &'static Type {
        &PATTERN
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

fn matches(text: &CelString<'_>, pattern: &Pattern) -> CelBool {
    pattern.0.is_match(text.inner()).into()
}

/// Adds `matches` to `env`.
pub(crate) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    add_overload!(env, fn matches: (CelString, Pattern) -> CelBool, id = "matches")?;
    add_member_overload!(env, fn matches: (CelString, Pattern) -> CelBool, id = "matches_string")?;
    Ok(())
}

//! The values that expressions see: a device's fields, its attributes, versions.

mod attributes;
mod pattern;
mod row;
mod semver;

use cel::{DeclarationError, Env};

pub(crate) use pattern::Pattern;
pub(crate) use row::{Constant, Row};

/// The environment of every expression: CEL's standard library, versions, and
/// patterns.
///
/// Optional values are left out: `has()` says the same.
pub(crate) fn environment() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib().with_optional_support(false);
    semver::declare(&mut env)?;
    pattern::declare(&mut env)?;
    Ok(env)
}

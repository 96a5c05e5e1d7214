//! Semantic versions as CEL values, in the style of Kubernetes' semver library.

use std::any::Any;
use std::cmp::Ordering;

use cel::common::traits::Comparer;
use cel::common::types::{CelBool, CelInt, CelString, Type};
use cel::common::value::{StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError, add_member_overload, add_overload};
use semver::Version;

static SEMVER: Type = Type::new_unspecified_type("semver");

/// A version, ordered and equal by precedence: build metadata counts for nothing.
#[derive(Clone, Debug)]
pub(crate) struct Semver(Version);

impl Val for Semver {
    fn get_type(&self) -> &Type {
        &SEMVER
    }

    fn cel_type() -> &'static Type {
        &SEMVER
    }

    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other
            .downcast_ref::<Semver>()
            .is_some_and(|other| self.order(other) == Ordering::Equal)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Semver {}

impl Comparer for Semver {
    fn compare(&self, other: &dyn Val) -> Result<Ordering, ExecutionError> {
        let other = other.downcast_ref::<Semver>().ok_or_else(|| {
            ExecutionError::no_such_overload(
                "compare",
                vec!["semver".into(), other.get_type().name().into()],
            )
        })?;
        Ok(self.order(other))
    }
}

impl Semver {
    fn parse(text: &str, tolerant: bool) -> Result<Self, ExecutionError> {
        let parsed = if tolerant {
            Version::parse(&normalize(text))
        } else {
            Version::parse(text)
        };
        parsed.map(Self).map_err(|error| {
            ExecutionError::function_error(
                "semver",
                format!("`{text}` is no semantic version: {error}"),
            )
        })
    }

    fn order(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }
}

/// Makes `v1`, `1.0` and `01.02.03` versions, as Kubernetes does: without a
/// leading `v`, without leading zeros, with missing parts as 0. A short version
/// with a prerelease stays wrong, because it is not clear what it means.
fn normalize(text: &str) -> String {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<String> = text.splitn(3, '.').map(without_leading_zeros).collect();
    let short_with_suffix =
        parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['-', '+']));
    while parts.len() < 3 && !short_with_suffix {
        parts.push("0".to_owned());
    }
    parts.join(".")
}

fn without_leading_zeros(part: &str) -> String {
    let rest = part.trim_start_matches('0');
    if rest.starts_with(|c: char| c.is_ascii_digit()) || rest.len() == part.len() {
        rest.to_owned()
    } else {
        format!("0{rest}")
    }
}

fn semver(text: &CelString<'_>) -> Result<Semver, ExecutionError> {
    Semver::parse(text.inner(), false)
}

fn semver_normalized(text: &CelString<'_>, tolerant: &CelBool) -> Result<Semver, ExecutionError> {
    Semver::parse(text.inner(), *tolerant.inner())
}

fn is_semver(text: &CelString<'_>) -> CelBool {
    Semver::parse(text.inner(), false).is_ok().into()
}

fn is_semver_normalized(text: &CelString<'_>, tolerant: &CelBool) -> CelBool {
    Semver::parse(text.inner(), *tolerant.inner())
        .is_ok()
        .into()
}

fn is_less_than(this: &Semver, other: &Semver) -> CelBool {
    this.order(other).is_lt().into()
}

fn is_greater_than(this: &Semver, other: &Semver) -> CelBool {
    this.order(other).is_gt().into()
}

fn compare_to(this: &Semver, other: &Semver) -> CelInt {
    (this.order(other) as i64).into()
}

fn major(this: &Semver) -> Result<CelInt, ExecutionError> {
    part(this.0.major)
}

fn minor(this: &Semver) -> Result<CelInt, ExecutionError> {
    part(this.0.minor)
}

fn patch(this: &Semver) -> Result<CelInt, ExecutionError> {
    part(this.0.patch)
}

fn part(number: u64) -> Result<CelInt, ExecutionError> {
    i64::try_from(number)
        .map(CelInt::from)
        .map_err(|error| ExecutionError::function_error("semver", error))
}

/// Adds the type and its functions to `env`.
pub(crate) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_type(SEMVER.to_owned())?;
    add_overload!(env, fn semver: (CelString) -> Result<Semver>, id = "string_to_semver")?;
    add_overload!(env, fn semver_normalized: (CelString, CelBool) -> Result<Semver>,
        name = "semver", id = "string_bool_to_semver")?;
    add_overload!(env, fn is_semver: (CelString) -> CelBool, name = "isSemver", id = "is_semver_string")?;
    add_overload!(env, fn is_semver_normalized: (CelString, CelBool) -> CelBool,
        name = "isSemver", id = "is_semver_string_bool")?;
    add_member_overload!(env, fn is_less_than: (Semver, Semver) -> CelBool, id = "semver_is_less_than")?;
    add_member_overload!(env, fn is_greater_than: (Semver, Semver) -> CelBool, id = "semver_is_greater_than")?;
    add_member_overload!(env, fn compare_to: (Semver, Semver) -> CelInt, id = "semver_compare_to")?;
    add_member_overload!(env, fn major: (Semver) -> Result<CelInt>, id = "semver_major")?;
    add_member_overload!(env, fn minor: (Semver) -> Result<CelInt>, id = "semver_minor")?;
    add_member_overload!(env, fn patch: (Semver) -> Result<CelInt>, id = "semver_patch")?;
    Ok(())
}

//! What hot paths cost when somebody last agreed to it: `instructions.toml` beside this crate's
//! `Cargo.toml`. The counts are of builds in the development profile, because CI has one by
//! then: the same code in a release build takes fewer.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");
/// How the file is called in messages.
const NAME: &str = "tests/bench/instructions.toml";

const HEAD: &str = "\
# Instructions of one operation of each hot path, in the development profile, as
# `windlass-bench instructions --hold` compares them in CI. Written by
# `windlass-bench instructions --accept`.

# A count may be so many times the one that is kept: compilers and dependencies change, and
# three in a thousand depend on the moment.
";

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// A factor.
    bound: f64,
    /// By name of the path.
    paths: BTreeMap<String, u64>,
}

/// A count against the one that is kept.
pub(crate) struct Compared {
    kept: u64,
    bound: f64,
    counted: f64,
}

impl Kept {
    /// Whether this program is a build of which counts are kept.
    pub(crate) const SPEAKS_OF_THIS_BUILD: bool = cfg!(debug_assertions);

    /// From the file.
    pub(crate) fn read() -> Result<Self> {
        let text = fs::read_to_string(FILE).with_context(|| format!("{NAME} cannot be read"))?;
        let kept: Self = toml::from_str(&text).with_context(|| format!("{NAME} is not sound"))?;
        ensure!(kept.bound >= 1.0, "the bound in {NAME} is below 1");
        Ok(kept)
    }

    /// `counted` of the path `name`.
    pub(crate) fn compare(&self, name: &str, counted: f64) -> Result<Compared> {
        let kept = self.paths.get(name).with_context(|| {
            format!("{NAME} has no {name}; `windlass-bench instructions --accept` adds it")
        })?;
        Ok(Compared {
            kept: *kept,
            bound: self.bound,
            counted,
        })
    }

    /// Writes the file with the bound that it has and other counts.
    pub(crate) fn accept(counted: &[(&str, f64)]) -> Result<String> {
        let bound = Self::read()?.bound;
        let mut text = format!("{HEAD}bound = {bound}\n\n[paths]\n");
        for (name, count) in counted {
            writeln!(text, "{name} = {count:.0}")?;
        }
        fs::write(FILE, text).with_context(|| format!("{NAME} cannot be written"))?;
        Ok(format!("These counts are kept in {NAME} now."))
    }
}

impl Compared {
    /// How many times the kept count it is.
    pub(crate) fn ratio(&self) -> f64 {
        self.counted / self.kept as f64
    }

    /// How many times it may be.
    pub(crate) fn bound(&self) -> f64 {
        self.bound
    }

    /// What to say and to do if it is too many.
    pub(crate) fn complaint(&self, what: &str) -> Option<String> {
        (self.ratio() > self.bound).then(|| {
            format!(
                "{what} takes {:.0} instructions, {:.2} times the {} that are kept; {} times are \
                 allowed. If it is the price of something that is wanted, run `windlass-bench \
                 instructions --accept` and commit {NAME}.",
                self.counted,
                self.ratio(),
                self.kept,
                self.bound,
            )
        })
    }
}

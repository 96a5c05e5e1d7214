//! What to measure, and how often.

use anyhow::{Context as _, Result, bail};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Deliveries through the sandbox.
    Push,
    /// The whole engine.
    Engine,
    /// Resident memory.
    Memory,
    /// Import, filter, narrow.
    Registry,
    /// Decisions, simulation, replay, `why`.
    Decide,
    /// `--version` and `check`.
    Startup,
    /// Allocations per chunk.
    Alloc,
    /// CPU time against curl.
    Cpu,
    /// From an abort's condition to the last start.
    Abort,
    /// Fleets of several sizes.
    Scaling,
    /// Instructions of the hot paths.
    Instructions,
}

impl Section {
    const ALL: [(&'static str, Self); 11] = [
        ("push", Self::Push),
        ("engine", Self::Engine),
        ("memory", Self::Memory),
        ("registry", Self::Registry),
        ("decide", Self::Decide),
        ("startup", Self::Startup),
        ("alloc", Self::Alloc),
        ("cpu", Self::Cpu),
        ("abort", Self::Abort),
        ("scaling", Self::Scaling),
        ("instructions", Self::Instructions),
    ];

    fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        let names = Self::ALL.map(|(name, _)| name).join(", ");
        Ok(found
            .with_context(|| format!("there is no `{name}`; there is {names}"))?
            .1)
    }
}

/// What follows from the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judging {
    /// Nothing.
    Report,
    /// The program fails if a promise is not kept.
    Hold,
    /// Counts of instructions are those that are compared with from now on.
    Accept,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What to measure, in this order.
    pub(crate) sections: Vec<Section>,
    /// How often each figure is taken.
    pub(crate) rounds: usize,
    /// What follows from the figures.
    pub(crate) judging: Judging,
    /// Through what amounts are divided, for a quick look.
    shrink: u64,
}

impl Settings {
    /// From the command line.
    ///
    /// # Errors
    /// If a word is not known.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut settings = Self {
            sections: Vec::new(),
            rounds: 5,
            judging: Judging::Report,
            shrink: 1,
        };
        while let Some(word) = words.next() {
            let mut number = || {
                words
                    .next()
                    .context("a number is missing")?
                    .parse()
                    .context("no number")
            };
            match word.as_str() {
                "--hold" => settings.judging = Judging::Hold,
                "--accept" => settings.judging = Judging::Accept,
                "--rounds" => settings.rounds = usize::try_from(number()?)?.max(1),
                "--shrink" => settings.shrink = u64::max(number()?, 1),
                option if option.starts_with('-') => {
                    bail!(
                        "there is no {option}; there is --rounds N, --shrink N, --hold and --accept"
                    )
                }
                name => settings.sections.push(Section::named(name)?),
            }
        }
        if settings.sections.is_empty() {
            settings.sections = Section::ALL.map(|(_, section)| section).to_vec();
        }
        Ok(settings)
    }

    /// An amount as it is to be.
    pub(crate) fn scaled(&self, amount: u64) -> u64 {
        (amount / self.shrink).max(1)
    }
}

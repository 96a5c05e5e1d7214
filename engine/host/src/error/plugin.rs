use std::{fmt, time::Duration};

use windlass_model::{PluginName, Sha256};

use super::Cause;
use crate::guest::MemoryBound;

/// A call into a plugin that came to nothing through the plugin's own fault. The instance
/// it happened in is gone; the next call gets a fresh one.
#[derive(Debug)]
pub struct PluginError {
    /// What happened.
    pub kind: PluginErrorKind,
    /// The configured plugin.
    pub plugin: PluginName,
    /// Its component.
    pub digest: Sha256,
    /// The function that was called, such as `matches`.
    pub call: &'static str,
    /// The last that the plugin wrote to stdout and stderr, at most 16 KiB, with control
    /// characters escaped. Empty if it wrote nothing.
    pub stderr: Box<str>,
    pub(crate) cause: Option<Cause>,
}

/// The ways in which a plugin fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginErrorKind {
    /// It trapped: a panic, an unreachable instruction, an access out of bounds.
    Trap,
    /// It called `exit`.
    Exit,
    /// It used up the CPU time of the call.
    CpuTime {
        /// What it may use.
        budget: Duration,
    },
    /// It did not answer in time.
    WallTime {
        /// How long it may take.
        limit: Duration,
    },
    /// It was denied memory and did not survive it.
    Memory(MemoryBound),
    /// It answered something that the contract does not allow, in words.
    Contract(Box<str>),
    /// It said itself that it cannot do what it was asked for, in its own words.
    Declined(Box<str>),
    /// It could not be instantiated.
    Instantiate,
}

impl PluginErrorKind {
    /// Its word in logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Exit => "exit",
            Self::CpuTime { .. } => "cpu-time",
            Self::WallTime { .. } => "wall-time",
            Self::Memory(_) => "memory",
            Self::Contract(_) => "contract",
            Self::Declined(_) => "declined",
            Self::Instantiate => "instantiate",
        }
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plugin, call, .. } = self;
        match &self.kind {
            PluginErrorKind::Trap => write!(f, "plugin `{plugin}` trapped in `{call}`"),
            PluginErrorKind::Exit => write!(f, "plugin `{plugin}` called exit in `{call}`"),
            PluginErrorKind::CpuTime { budget } => write!(
                f,
                "plugin `{plugin}` used more than {budget:?} of CPU time in `{call}`"
            ),
            PluginErrorKind::WallTime { limit } => write!(
                f,
                "plugin `{plugin}` did not return from `{call}` within {limit:?}"
            ),
            PluginErrorKind::Memory(bound) => write!(
                f,
                "plugin `{plugin}` ran out of memory in `{call}`: {bound}"
            ),
            PluginErrorKind::Contract(what) => {
                write!(
                    f,
                    "plugin `{plugin}` broke its contract in `{call}`: {what}"
                )
            }
            PluginErrorKind::Declined(what) => {
                write!(f, "plugin `{plugin}` declined `{call}`: {what}")
            }
            PluginErrorKind::Instantiate => {
                write!(f, "plugin `{plugin}` could not be started for `{call}`")
            }
        }
    }
}

impl std::error::Error for PluginError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

impl PluginError {
    /// The error with its causes and the plugin's last line, on one line: for a failure
    /// that is stored.
    pub fn summary(&self) -> String {
        let mut summary = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            summary.push_str(": ");
            summary.push_str(&error.to_string());
            cause = error.source();
        }
        if let Some(line) = self
            .stderr
            .lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty())
        {
            summary.push_str("; it last wrote: ");
            summary.push_str(line);
        }
        summary
    }
}

//! Why a device is where it is, from nothing but the state file: also while another process
//! has it, after a restart, and for an instant that is over (design §8).
//!
//! - `facts`: what the state file has of a device in a rollout.
//! - `past`: the same as it was, from the log.
//! - `course`: where a rollout stands, and who brought it there.
//! - `reach`: what keeps a device back that has not ended.
//! - `reasons`: what a reason of the host or of a policy asks for.
//! - `decisions`: what policies let start.
//! - `bounds`: what the engine lets start.
//! - `under_way`, `ended`: devices that are being updated, and those that are done.
//! - `unselected`: devices that a rollout does not have.

mod bounds;
mod course;
mod decisions;
mod ended;
mod facts;
mod past;
mod reach;
mod reasons;
mod under_way;
mod unselected;

use std::collections::BTreeMap;

use windlass_model::{PluginName, RolloutName, RolloutState, StateKind, Timestamp, Value};

use crate::diagnostic::Span;

pub use facts::{Facts, Scene};
pub use unselected::Filters;

use reach::reach;

/// Where a device stands in one rollout, and why.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The rollout.
    pub rollout: RolloutName,
    /// Where that stood.
    pub rollout_state: RolloutState,
    /// Where the device stood; none if it was no target.
    pub state: Option<StateKind>,
    /// In words.
    pub headline: String,
    /// What keeps it there, what binds most first.
    pub because: Vec<Cause>,
    /// What would have to happen for it to go on; the order is that of the causes.
    pub next: Vec<Next>,
    /// What of this is not certain.
    pub notes: Vec<String>,
}

/// One thing that keeps a device where it is.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    /// A kebab-case word: of the policy's reason, or of the host's own.
    pub code: String,
    /// One sentence without a full stop.
    pub text: String,
    /// The policy that said so.
    pub policy: Option<PluginName>,
    /// The facts that the policy or the host gave.
    pub parameters: BTreeMap<String, Value>,
    /// The expression that said so, if the text quotes parts of one.
    pub excerpt: Option<Excerpt>,
}

/// An expression, and the parts of it that said no.
#[derive(Clone, Debug)]
pub struct Excerpt {
    /// What stands above it, instead of the cause's text.
    pub heading: String,
    /// The expression.
    pub expression: String,
    /// Its parts, each with what it says of the device.
    pub parts: Vec<(Span, String)>,
}

impl Cause {
    fn host(code: &str, text: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            text: text.into(),
            ..Self::default()
        }
    }
}

/// Something that lets a device go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// As the end of a sentence that begins with "it goes on".
    pub text: String,
    /// When it happens, if it is a matter of the clock.
    pub at: Option<Timestamp>,
    /// What a person types for it.
    pub command: Option<String>,
}

impl Next {
    fn when(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            at: None,
            command: None,
        }
    }

    fn at(text: impl Into<String>, at: Timestamp) -> Self {
        Self {
            at: Some(at),
            ..Self::when(text)
        }
    }

    fn by(text: impl Into<String>, command: String) -> Self {
        Self {
            command: Some(command),
            ..Self::when(text)
        }
    }
}

/// What is found out about a device in a rollout, while it is put together.
#[derive(Default)]
struct Findings {
    because: Vec<Cause>,
    next: Vec<Next>,
    notes: Vec<String>,
}

impl Findings {
    fn cause(&mut self, cause: Cause) {
        self.because.push(cause);
    }

    /// Two causes may ask for the same.
    fn next(&mut self, next: Next) {
        if !self.next.contains(&next) {
            self.next.push(next);
        }
    }
}

/// Tells of a device that a rollout has.
///
/// # Errors
/// If the state file cannot be read.
pub fn explain(facts: &Facts<'_>) -> anyhow::Result<Answer> {
    let mut findings = Findings::default();
    let kind = facts.row.state.kind();
    let headline = if kind.is_ended() {
        ended::tell(facts, &mut findings)
    } else {
        let headline = under_way::headline(facts);
        reach(facts, &mut findings)?;
        headline
    };
    past::caveats(facts, &mut findings);
    let Findings {
        because,
        next,
        notes,
    } = findings;
    Ok(Answer {
        rollout: facts.rollout.plan.name.clone(),
        rollout_state: facts.course.state,
        state: Some(kind),
        headline,
        because,
        next,
        notes,
    })
}

use std::time::Duration;

use serde::Serialize;
use windlass_model::{Reason, Timestamp, Verdict};

use crate::signals::SignalModel;

/// What came of a simulated rollout. Instants within it are lengths of time since
/// [`began`](Self::began).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Session {
    /// The rollout's name.
    pub rollout: String,
    /// Where its rules are from, such as the name of a file: what tells sessions apart.
    pub configuration: String,
    /// What everything random was drawn from.
    pub seed: u64,
    /// Whose connections the fleet had, such as `pos`, or the state file that they are from.
    pub fleet: String,
    /// What a fleet of past rollouts rests on; none: it was made up.
    pub recorded: Option<Basis>,
    /// What signals were taken to read.
    pub signals: Vec<SignalModel>,
    /// Devices that the filter selected.
    pub devices: u64,
    /// The virtual instant at which it began.
    pub began: Timestamp,
    /// For how long it was watched at most.
    pub span: Duration,
    /// In order.
    pub cohorts: Vec<CohortCourse>,
    /// The first at the start, the last at the end of what was watched; evenly spaced, if a
    /// policy ended the rollout until then, and evenly from then on.
    pub samples: Vec<Sample>,
    /// The most starts within one minute.
    pub peak_starts: u64,
    /// How long until these shares of the devices ran the release.
    pub updated: Shares,
    /// Devices that the release harmed.
    pub harm: Harm,
    /// What was stated before the session.
    pub blast_radius: Option<BlastRadius>,
    /// Where a verdict or its reasons changed, in order.
    pub marks: Vec<Mark>,
    /// How it ended.
    pub end: End,
    /// Decisions that policies took.
    pub decisions: u64,
}

/// What is known of a recorded fleet, and of how many of the simulated devices it is not: these
/// are taken to be as the fleet is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Basis {
    /// Devices of the state file.
    pub devices: u64,
    /// Attempts on them.
    pub attempts: u64,
    /// Times in which one was waited for.
    pub waits: u64,
    /// The share of looks at all devices that found one connected, 0 to 1.
    pub online: f64,
    /// The share of attempts on connected devices that failed, 0 to 1.
    pub failing: f64,
    /// The median length of a transfer; none: no transfer was recorded.
    pub transfer: Option<Duration>,
    /// Simulated devices of which nobody knows how they are connected.
    pub unseen: u64,
    /// Simulated devices of which nobody knows whether they take releases.
    pub untried: u64,
    /// Simulated devices of which nobody knows how long they take.
    pub unmeasured: u64,
}

/// One cohort's course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CohortCourse {
    /// Its name.
    pub name: String,
    /// Its devices.
    pub size: u64,
    /// When its first device was started.
    pub first_started: Option<Duration>,
    /// When its last device ended.
    pub ended: Option<Duration>,
    /// Devices that run the release.
    pub succeeded: u64,
    /// Devices that ended without it: failed, refused, dead letters.
    pub failed: u64,
}

/// Counts at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// When.
    pub at: Duration,
    /// Devices started so far, per cohort.
    pub started: Vec<u64>,
    /// Devices that run the release.
    pub succeeded: u64,
    /// Devices that ended without it.
    pub failed: u64,
    /// Devices that are put off: offline, outside of their window, or held.
    pub deferred: u64,
    /// Transfers under way.
    pub in_progress: u64,
    /// The most starts within one minute that ended since the sample before.
    pub starts_per_minute: u64,
}

/// How long until so many devices ran the release; none: not within what was watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shares {
    /// Half of them.
    pub half: Option<Duration>,
    /// 90 %.
    pub most: Option<Duration>,
    /// All.
    pub all: Option<Duration>,
}

/// What a bad build did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Harm {
    /// Attempts that failed, of whatever kind.
    pub failures: u64,
    /// Devices on which the bad build was installed and broke, whether or not that was known
    /// when the rollout ended.
    pub harmed: u64,
    /// What became of devices that lost the release again; none: the build is one that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fell_back: Option<FellBack>,
}

/// Devices that took the release and fell back to what they ran before. They are not among those
/// that it broke.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FellBack {
    /// The share of the devices that ran it, 0 to 1, as it was taken to be.
    pub share: f64,
    /// How long they ran it.
    pub after: Duration,
    /// So many took it and lose it, also those that do so after the rollout has ended.
    pub devices: u64,
    /// Those of them that had succeeded, and were found when they were verified again.
    pub found: u64,
    /// When the first was found.
    pub first_found: Option<Duration>,
}

/// The most devices that can have been started before an abort can act.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlastRadius {
    /// So many.
    pub devices: u64,
    /// If the build breaks this share of the devices, above 0 and at most 1.
    pub rate: f64,
    /// The cohort that was open then.
    pub cohort: String,
    /// When the abort acts in that worst case; none: nothing ends the rollout, and the radius
    /// is all devices.
    pub at: Option<Duration>,
}

/// A change of what the policies say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    /// When.
    pub at: Duration,
    /// The severest verdict in force.
    pub verdict: Verdict,
    /// Of whoever gave it.
    pub reasons: Vec<Reason>,
    /// Devices started until then.
    pub started: u64,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Every device ended.
    Completed(Duration),
    /// A policy ended it.
    Aborted(Duration),
    /// A policy ended it and took it back.
    RolledBack(Duration),
    /// Only a person could move it on, and none is simulated.
    Blocked(Duration, Vec<Reason>),
    /// It was still going when the span was over.
    Unfinished,
}

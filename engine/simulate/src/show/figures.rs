use std::time::Duration;

use crate::{CohortCourse, End, Session};

/// What a session comes down to.
pub(super) struct Figures {
    /// Devices that were started.
    pub(super) started: u64,
    /// Devices that run the release.
    pub(super) updated: u64,
    /// Devices that ended without it.
    pub(super) failed: u64,
    /// When it ended; none: it went on.
    pub(super) ended: Option<Duration>,
    /// Whether what was stated as the blast radius held.
    pub(super) blast: Blast,
}

/// How what was stated compares with what happened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Blast {
    /// Nothing was stated.
    Unstated,
    /// Stated, and nothing aborted the rollout, or not for a bad build: of what else ends it
    /// nothing was stated.
    Untried,
    /// Aborted, with no more devices started than stated.
    Within,
    /// Aborted too late.
    Exceeded,
}

impl Figures {
    pub(super) fn of(session: &Session) -> Self {
        let samples = session.samples.iter().map(|s| s.started.iter().sum());
        let marks = session.marks.iter().map(|mark| mark.started);
        let started = samples.chain(marks).max().unwrap_or(0);
        let cohorts = session.cohorts.iter();
        let (updated, failed) = cohorts.fold((0, 0), |(updated, failed), cohort| {
            (updated + cohort.succeeded, failed + cohort.failed)
        });
        Self {
            started,
            updated,
            failed,
            ended: ended(&session.end),
            blast: blast(session, started),
        }
    }
}

fn ended(end: &End) -> Option<Duration> {
    match end {
        End::Completed(at) | End::Aborted(at) | End::RolledBack(at) | End::Blocked(at, _) => {
            Some(*at)
        }
        End::Unfinished => None,
    }
}

fn blast(session: &Session, started: u64) -> Blast {
    let Some(stated) = &session.blast_radius else {
        return Blast::Unstated;
    };
    if session.harm.harmed == 0 {
        return Blast::Untried;
    }
    match session.end {
        End::Aborted(_) | End::RolledBack(_) if started <= stated.devices => Blast::Within,
        End::Aborted(_) | End::RolledBack(_) => Blast::Exceeded,
        End::Completed(_) | End::Blocked(..) | End::Unfinished => Blast::Untried,
    }
}

/// All cohorts as if they were one.
pub(super) fn all_cohorts(cohorts: &[CohortCourse]) -> CohortCourse {
    let sum = |of: fn(&CohortCourse) -> u64| cohorts.iter().map(of).sum();
    let ended: Option<Vec<_>> = cohorts.iter().map(|cohort| cohort.ended).collect();
    CohortCourse {
        name: "all".to_owned(),
        size: sum(|cohort| cohort.size),
        first_started: cohorts.iter().filter_map(|c| c.first_started).min(),
        ended: ended.and_then(|ended| ended.into_iter().max()),
        succeeded: sum(|cohort| cohort.succeeded),
        failed: sum(|cohort| cohort.failed),
    }
}

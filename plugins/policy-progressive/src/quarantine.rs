//! Leaving devices alone that keep failing.

use windlass_sdk::{Admission, Attribute, Candidate, Reason, Timestamp};

use crate::kinds::{Kinds, spell};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Quarantine {
    pub(crate) failures: u32,
    /// In milliseconds.
    pub(crate) penalty: u64,
    pub(crate) kinds: Kinds,
}

impl Quarantine {
    /// A wall clock that is set back prolongs a penalty by as much: nothing tells how
    /// much of it has passed.
    pub(crate) fn admission(&self, now: Timestamp, candidate: &Candidate) -> Admission {
        let counted = candidate
            .last_failure
            .filter(|(kind, _)| candidate.attempts >= self.failures && self.kinds.contains(*kind));
        let served = counted.map(|(kind, at)| (kind, at.saturating_add(self.penalty)));
        let Some((kind, until)) = served.filter(|(_, until)| *until > now) else {
            return Admission::at_once();
        };
        Admission {
            not_before: Some(until),
            reason: Some(Reason {
                code: "quarantined".to_owned(),
                cohort: None,
                parameters: vec![
                    Attribute::new("attempts", i64::from(candidate.attempts)),
                    Attribute::new("kind", spell(kind)),
                ],
                text: match candidate.attempts {
                    1 => "it failed once, and is left alone for a while".to_owned(),
                    times => format!("it failed {times} times, and is left alone for a while"),
                },
            }),
            ..Admission::at_once()
        }
    }
}

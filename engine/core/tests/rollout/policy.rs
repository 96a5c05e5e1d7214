//! A policy that opens cohorts one after the other.

use std::{collections::BTreeMap, time::Duration};

use windlass_core::DecideRequest;
use windlass_model::{
    Admission, Assignment, Ceiling, CohortIndex, CohortView, Decision, Device, Measure, Reason,
    RecheckWish, Timestamp, Trigger, Value, Verdict, View,
};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Devices in progress at once in a cohort.
    pub(crate) width: u64,
    /// First failures at which it aborts.
    pub(crate) abort_at: Option<u64>,
    /// It pauses once, when so many devices ended.
    pub(crate) pause_at: Option<u64>,
    /// It holds for its first so many minutes.
    pub(crate) hold_minutes: u64,
    /// Every so manieth call it fails; 0 for never.
    pub(crate) fails_every: u64,
    /// It waits for consent to this gate before any but the first cohort.
    pub(crate) gate: Option<&'static str>,
    /// And before the first.
    pub(crate) gates_first: bool,
    /// While it waits for consent it holds everything, and wants to be asked again.
    pub(crate) holds_at_gate: bool,
    /// Its abort takes devices back.
    pub(crate) rolls_back: bool,
    /// So many minutes after a cohort's last end it has it verified again, and waits for that.
    pub(crate) rechecks: Option<u64>,
    pub(crate) calls: u64,
}

impl Policy {
    pub(crate) fn decide(&mut self, request: &DecideRequest) -> Result<Decision, String> {
        self.calls += 1;
        if self.fails_every > 0 && self.calls.is_multiple_of(self.fails_every) {
            return Err("trapped".to_owned());
        }
        let view = &request.view;
        let ended: u64 = view.cohorts.iter().map(|cohort| cohort.ended).sum();
        let first_failed: u64 = view.cohorts.iter().map(first_failures).sum();
        let holds = view.now.since(view.started_at) < Duration::from_secs(60 * self.hold_minutes);
        let paused_already = request.memo == [1];
        let (verdict, code) = if self.abort_at.is_some_and(|limit| first_failed >= limit) {
            let verdict = if self.rolls_back {
                Verdict::RollBack
            } else {
                Verdict::Abort
            };
            (verdict, "too-many-failures")
        } else if self.pause_at.is_some_and(|limit| ended >= limit) && !paused_already {
            (Verdict::Pause, "look")
        } else if self.holds_at_gate && self.waits(request) {
            (Verdict::Hold, "fine")
        } else if holds {
            (Verdict::Hold, "not-yet")
        } else {
            (Verdict::Continue, "fine")
        };
        let mut open = !(self.gates_first && self.waits(request));
        let mut triggers = Vec::new();
        let mut rechecks = Vec::new();
        let ceilings = (0..)
            .map(CohortIndex)
            .zip(&view.cohorts)
            .map(|(index, cohort)| {
                let ceiling = Ceiling {
                    started: if open { cohort.size } else { 0 },
                    in_progress: self.width,
                };
                if open && cohort.ended < cohort.size {
                    triggers.push(Trigger {
                        cohort: index,
                        measure: Measure::Ended,
                        reaches: cohort.size,
                    });
                }
                if let Some(reaches) = self.abort_at {
                    triggers.push(Trigger {
                        cohort: index,
                        measure: Measure::FirstFailed,
                        reaches,
                    });
                }
                open &= cohort.ended == cohort.size && !self.waits(request);
                if let Some(minutes) = self.rechecks.filter(|_| open) {
                    let since = soaked(view, cohort, minutes);
                    rechecks.push(RecheckWish {
                        cohort: index,
                        since,
                    });
                    open &= cohort
                        .recheck
                        .is_some_and(|round| round.began >= since && round.ended.is_some());
                }
                ceiling
            })
            .collect();
        Ok(Decision {
            ceilings,
            valid_until: view.now.plus(Duration::from_secs(300)),
            verdict,
            reasons: self.reasons(code, request),
            memo: if verdict == Verdict::Pause {
                vec![1]
            } else {
                request.memo.clone()
            },
            ask_at: (holds || self.holds_at_gate)
                .then(|| self.lifts_at(view.started_at))
                .into_iter()
                .chain(rechecks.iter().map(|wish| wish.since))
                .find(|at| *at > view.now || holds || self.holds_at_gate),
            triggers,
            rechecks,
        })
    }

    /// It leaves it to the devices when they start.
    pub(crate) fn admit(&self, _: Timestamp, _: &Device, _: &Assignment) -> Admission {
        Admission::default()
    }

    fn waits(&self, request: &DecideRequest) -> bool {
        let View {
            approvals,
            advances,
            ..
        } = &request.view;
        self.gate.is_some_and(|gate| {
            advances.is_empty() && !approvals.iter().any(|approval| approval.gate == gate)
        })
    }

    fn reasons(&self, code: &str, request: &DecideRequest) -> Vec<Reason> {
        let (code, gate) = match self.gate {
            Some(gate) if self.waits(request) && code == "fine" => ("awaiting-approval", gate),
            _ => (code, ""),
        };
        vec![Reason {
            code: code.to_owned(),
            cohort: None,
            parameters: BTreeMap::from([("gate".to_owned(), Value::Text(gate.to_owned()))]),
            text: String::new(),
        }]
    }

    fn lifts_at(&self, started: Timestamp) -> Timestamp {
        started.plus(Duration::from_secs(60 * self.hold_minutes))
    }
}

/// When a cohort that has ended was watched for so long.
fn soaked(view: &View, cohort: &CohortView, minutes: u64) -> Timestamp {
    let ended = cohort.last_ended.unwrap_or(view.started_at);
    ended.plus(Duration::from_secs(60 * minutes))
}

fn first_failures(cohort: &CohortView) -> u64 {
    cohort.first_failures.values().sum()
}

//! Which lanes may run.

use windlass_sdk::{
    Attribute, Ceiling, CohortView, Decision, Measure, Reason, Trigger, Verdict, View,
};

use crate::lanes::{After, Lane, Lanes};

/// How long a decision holds, in milliseconds; the host renews it in time.
const VALID: u64 = 60_000;

/// How a lane stands to the one that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open,
    Waits {
        succeeded: u64,
        wanted: u64,
    },
    /// So many will never succeed any more.
    Stuck {
        succeeded: u64,
        wanted: u64,
    },
}

pub(crate) fn decide(lanes: &Lanes, view: &View) -> Decision {
    let lanes = &lanes.lanes;
    let valid_until = view.now.saturating_add(VALID);
    if view.cohorts.len() != lanes.len() {
        let text = format!(
            "the rollout has {} cohorts, and there are {} lanes",
            view.cohorts.len(),
            lanes.len()
        );
        let reason = Reason {
            code: "lanes-differ".to_owned(),
            cohort: None,
            parameters: Vec::new(),
            text,
        };
        return Decision {
            ceilings: vec![SHUT; view.cohorts.len()],
            valid_until,
            verdict: Verdict::Hold,
            reasons: vec![reason],
            memo: Vec::new(),
            ask_at: None,
            triggers: Vec::new(),
            rechecks: Vec::new(),
        };
    }
    let standings: Vec<Standing> = lanes.iter().map(|lane| standing(lane, view)).collect();
    let lanes_at = || lanes.iter().zip(&standings).zip(&view.cohorts);
    let ceilings = lanes_at().map(|((lane, standing), cohort)| match standing {
        Standing::Open => Ceiling {
            started: cohort.size,
            in_progress: lane.concurrency,
        },
        Standing::Waits { .. } | Standing::Stuck { .. } => SHUT,
    });
    let waiting = lanes_at().filter(|((_, standing), cohort)| {
        **standing != Standing::Open && cohort.ended < cohort.size
    });
    // A hold stops every lane, so it is said only when none has anything left to do.
    let stuck = waiting.clone().next().is_some()
        && lanes_at().all(|((_, standing), cohort)| match standing {
            Standing::Open => cohort.ended == cohort.size,
            Standing::Waits { .. } | Standing::Stuck { .. } => true,
        });
    let reasons = waiting.filter_map(|((lane, standing), _)| reason(lanes, lane, *standing));
    let triggers = lanes_at().filter_map(|((lane, standing), _)| match standing {
        Standing::Waits { wanted, .. } => Some(Trigger {
            cohort: index(lane.after?.lane)?,
            measure: Measure::Succeeded,
            reaches: *wanted,
        }),
        Standing::Open | Standing::Stuck { .. } => None,
    });
    Decision {
        ceilings: ceilings.collect(),
        valid_until,
        verdict: if stuck {
            Verdict::Hold
        } else {
            Verdict::Continue
        },
        reasons: reasons.collect(),
        memo: Vec::new(),
        ask_at: None,
        triggers: triggers.collect(),
        rechecks: Vec::new(),
    }
}

const SHUT: Ceiling = Ceiling {
    started: 0,
    in_progress: 0,
};

fn standing(lane: &Lane, view: &View) -> Standing {
    let Some(after) = lane.after else {
        return Standing::Open;
    };
    let cohort = &view.cohorts[after.lane];
    let succeeded = cohort.states.succeeded;
    let wanted = after.wanted(cohort.size);
    if succeeded >= wanted || advanced(after, view) {
        Standing::Open
    } else if succeeded + unended(cohort) >= wanted {
        Standing::Waits { succeeded, wanted }
    } else {
        Standing::Stuck { succeeded, wanted }
    }
}

/// Whether a person has ordered to go past the lane that is waited for.
fn advanced(after: After, view: &View) -> bool {
    view.advances.iter().any(|advance| match advance.cohort {
        Some(cohort) => index(after.lane).is_some_and(|lane| lane <= cohort),
        None => true,
    })
}

fn unended(cohort: &CohortView) -> u64 {
    cohort.size.saturating_sub(cohort.ended)
}

/// Without the count of successes, which would make every decision news.
fn reason(lanes: &[Lane], lane: &Lane, standing: Standing) -> Option<Reason> {
    let waited = lane.after?.lane;
    let (code, parameters, text) = match standing {
        Standing::Open => return None,
        Standing::Waits { wanted, .. } => {
            let text = format!(
                "lane `{}` waits until {wanted} devices of lane `{}` have succeeded",
                lane.name, lanes[waited].name
            );
            ("lane-waits", vec![number("wanted", wanted)], text)
        }
        Standing::Stuck { succeeded, wanted } => {
            let text = format!(
                "lane `{}` waits for {wanted} devices of lane `{}`, and only {succeeded} succeeded",
                lane.name, lanes[waited].name
            );
            let parameters = vec![number("succeeded", succeeded), number("wanted", wanted)];
            ("lane-stuck", parameters, text)
        }
    };
    Some(Reason {
        code: code.to_owned(),
        cohort: index(waited),
        parameters,
        text,
    })
}

fn number(name: &str, number: u64) -> Attribute {
    Attribute::new(name, i64::try_from(number).unwrap_or(i64::MAX))
}

fn index(lane: usize) -> Option<u32> {
    u32::try_from(lane).ok()
}

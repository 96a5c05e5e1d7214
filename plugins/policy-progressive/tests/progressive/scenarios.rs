//! The vendor's progressive rollouts, on a virtual clock.

use windlass_policy_progressive::Progressive;
use windlass_sdk::{FailureKind, Policy, Verdict, View};

use crate::fleet::{answer, codes, end, open, opened, sizes, view};

const HOUR: u64 = 3_600_000;

/// GO-128.
const SCENARIO_3: &str = r#"{"cohorts":[
    {"name":"canary","percent":10,"success_rate":0.95,"soak":"24h","on_failure":"roll-back"},
    {"name":"half","percent":50,"success_rate":0.9,"soak":"12h","on_failure":"roll-back"},
    {"name":"all","percent":100,"success_rate":0.85,"on_failure":"roll-back"}]}"#;

/// GX-08.
const GRADUAL: &str = r#"{"cohorts":[
    {"name":"canary","percent":1,"success_rate":0.95,"soak":"24h"},
    {"name":"early","percent":10,"success_rate":0.9,"soak":"12h"},
    {"name":"full","percent":100,"success_rate":0.85}]}"#;

/// What became of a phase: the hours until the next cohort opened, or the verdict that
/// kept it shut.
#[derive(Debug, PartialEq)]
enum Phase {
    NextAfter(u64),
    Stopped(Verdict),
    Last,
}

/// Ends the current cohort with so many failures, and lets time pass hour by hour.
fn phase(policy: &Progressive, view: &mut View, memo: &mut Vec<u8>, failed: u64) -> Phase {
    let before = policy.decide(view, memo);
    let current = opened(&before) - 1;
    let size = view.cohorts[current].size;
    assert_eq!(
        before.ceilings[current].started, size,
        "all of an open cohort may start"
    );
    end(
        &mut view.cohorts[current],
        size - failed,
        &[(FailureKind::DeviceError, failed)],
    );
    *memo = before.memo;
    let began = view.now;
    while view.now <= began + 24 * HOUR {
        let decision = policy.decide(view, memo);
        if decision.verdict != Verdict::Continue {
            return Phase::Stopped(decision.verdict);
        }
        if opened(&decision) > current + 1 {
            *memo = decision.memo;
            return Phase::NextAfter((view.now - began) / HOUR);
        }
        // Whoever is asked again runs the release; the round takes no time.
        if !answer(view, &decision) {
            view.now += HOUR;
        }
        *memo = decision.memo;
    }
    Phase::Last
}

#[test]
fn scenario_3_goes_through_at_its_thresholds() {
    let policy = open(SCENARIO_3);
    assert_eq!(sizes(&policy, 1000), [100, 400, 500]);
    let mut view = view(&policy, 1000);
    let mut memo = Vec::new();
    for (failed, after) in [
        (5, Phase::NextAfter(24)),
        (40, Phase::NextAfter(12)),
        (75, Phase::Last),
    ] {
        assert_eq!(phase(&policy, &mut view, &mut memo, failed), after);
    }
    assert_eq!(codes(&policy.decide(&view, &memo)), [""; 0]);
}

#[test]
fn scenario_3_is_taken_back_one_failure_below_any_threshold() {
    for (failures, phases) in [(&[6][..], 1), (&[5, 41], 2), (&[5, 40, 76], 3)] {
        let policy = open(SCENARIO_3);
        let mut view = view(&policy, 1000);
        let mut memo = Vec::new();
        let outcomes: Vec<Phase> = failures
            .iter()
            .map(|failed| phase(&policy, &mut view, &mut memo, *failed))
            .collect();
        assert_eq!(
            outcomes.last(),
            Some(&Phase::Stopped(Verdict::RollBack)),
            "phase {phases}"
        );
    }
}

/// GO-109: half of the first phase fails, and the second never starts.
#[test]
fn a_gradual_rollout_of_ten_thousand_halts_below_its_threshold() {
    let policy = open(GRADUAL);
    assert_eq!(sizes(&policy, 10_000), [100, 900, 9_000]);
    let mut good = view(&policy, 10_000);
    let mut memo = Vec::new();
    for (failed, after) in [
        (5, Phase::NextAfter(24)),
        (90, Phase::NextAfter(12)),
        (1_350, Phase::Last),
    ] {
        assert_eq!(phase(&policy, &mut good, &mut memo, failed), after);
    }
    let mut bad = view(&policy, 10_000);
    assert_eq!(
        phase(&policy, &mut bad, &mut Vec::new(), 50),
        Phase::Stopped(Verdict::Hold)
    );
    assert_eq!(bad.cohorts[1].started, 0);
}

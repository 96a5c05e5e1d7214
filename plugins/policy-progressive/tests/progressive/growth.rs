//! Dynamic rollouts: the last cohort grows (design §7.2).

use windlass_sdk::{CohortView, FailureKind, Policy, Verdict};

use crate::fleet::{MINUTE, codes, end, open, opened, view};

/// So many devices join.
fn grow(cohort: &mut CohortView, devices: u64) {
    cohort.size += devices;
    cohort.states.pending += devices;
}

#[test]
fn newcomers_start_though_the_last_cohort_was_done() {
    let policy = open(
        r#"{"cohorts":[{"name":"a","percent":10},{"name":"b","success_rate":0.9,"deadline":"1h","on_deadline":"abort"}]}"#,
    );
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 10, &[]);
    let open = policy.decide(&view, &[]);
    end(&mut view.cohorts[1], 90, &[]);
    let done = policy.decide(&view, &open.memo);
    assert_eq!(done.ceilings[1].started, 90);
    view.now += 600 * MINUTE;
    grow(&mut view.cohorts[1], 25);
    let grown = policy.decide(&view, &done.memo);
    assert_eq!(
        (
            grown.verdict,
            grown.ceilings[0].started,
            grown.ceilings[1].started
        ),
        (Verdict::Continue, 10, 115),
        "the deadline was kept when the cohort ended"
    );
    end(&mut view.cohorts[1], 12, &[(FailureKind::Corrupt, 13)]);
    let failed = policy.decide(&view, &grown.memo);
    assert_eq!(codes(&failed), ["gate-not-met"], "102 of 115 are no 90 %");
}

#[test]
fn newcomers_of_a_rollout_that_is_not_so_far_wait_with_their_cohort() {
    let policy = open(r#"{"cohorts":[{"name":"a","percent":10},{"name":"b"}]}"#);
    let mut view = view(&policy, 100);
    let first = policy.decide(&view, &[]);
    grow(&mut view.cohorts[1], 900);
    let grown = policy.decide(&view, &first.memo);
    assert_eq!(
        (opened(&grown), grown.ceilings[0].started),
        (1, 10),
        "cohorts are cut once"
    );
    end(&mut view.cohorts[0], 10, &[]);
    assert_eq!(policy.decide(&view, &grown.memo).ceilings[1].started, 990);
}

#[test]
fn a_rollout_that_began_with_nobody_takes_whoever_comes() {
    let policy = open(
        r#"{"cohorts":[{"name":"a","percent":10,"success_rate":1,"soak":"1d","recheck":false,"quorum":0.5},{"name":"b"}]}"#,
    );
    let mut view = view(&policy, 0);
    let first = policy.decide(&view, &[]);
    assert_eq!(
        (opened(&first), first.verdict),
        (2, Verdict::Continue),
        "a cohort of nobody has no soak"
    );
    grow(&mut view.cohorts[1], 3);
    assert_eq!(policy.decide(&view, &first.memo).ceilings[1].started, 3);
}

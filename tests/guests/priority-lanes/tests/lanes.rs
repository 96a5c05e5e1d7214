//! The policy through its public surface, as the host uses it (issue 3: the
//! contract carries what a vendor wants of it).

use priority_lanes::PriorityLanes;
use windlass_sdk::{
    Attribute, CohortView, Device, FailureCount, FailureKind, Measure, Place, Policy, TierCount,
    Verdict, View, testing,
};

const SETTINGS: &str = r#"{"lane":"tier","otherwise":"normal","lanes":[
    {"name":"vip","concurrency":2},
    {"name":"normal","concurrency":10},
    {"name":"lab","concurrency":50,"after":{"lane":"vip","succeeded":0.55}}]}"#;

fn open() -> PriorityLanes {
    testing::open_policy(SETTINGS).expect("the settings are sound")
}

fn device(attributes: &[Attribute]) -> Device {
    Device {
        attributes: attributes.to_vec(),
        ..testing::device("d", "https://d.example")
    }
}

fn view(policy: &PriorityLanes, vip: u64, normal: u64, lab: u64) -> View {
    let tiers = (0..).zip([vip, normal, lab]);
    let tiers = tiers.filter(|(_, devices)| *devices > 0);
    let tiers: Vec<_> = tiers
        .map(|(tier, devices)| TierCount { tier, devices })
        .collect();
    let cohorts = policy.cohorts(&tiers).expect("every lane is a cohort");
    let sizes = cohorts
        .iter()
        .map(|cohort| (cohort.name.as_str(), cohort.size));
    testing::view(1_767_225_600_000, sizes)
}

/// Starts every device that may start. Says how many did, by lane.
fn start(policy: &PriorityLanes, view: &mut View) -> Vec<u64> {
    let decision = policy.decide(view, &[]);
    assert_eq!(decision.ceilings.len(), view.cohorts.len());
    let lanes = view.cohorts.iter_mut().zip(decision.ceilings);
    let start = lanes.map(|(cohort, ceiling)| {
        let room = ceiling.started.saturating_sub(cohort.started);
        let free = ceiling.in_progress.saturating_sub(cohort.in_progress);
        let starting = room.min(free).min(cohort.states.pending);
        cohort.states.pending -= starting;
        cohort.states.transferring += starting;
        cohort.started += starting;
        cohort.in_progress += starting;
        starting
    });
    start.collect()
}

/// Ends devices in progress.
fn end(cohort: &mut CohortView, succeeded: u64, failed: u64) {
    cohort.in_progress -= succeeded + failed;
    cohort.states.transferring -= succeeded + failed;
    cohort.ended += succeeded + failed;
    cohort.states.succeeded += succeeded;
    cohort.states.dead_lettered += failed;
    if failed > 0 {
        cohort.failures.push(FailureCount {
            kind: FailureKind::Other,
            count: failed,
        });
    }
}

#[test]
fn an_attribute_puts_a_device_in_its_lane() {
    let policy = open();
    assert_eq!(policy.reads().attributes, ["tier"]);
    for (attributes, tier) in [
        (vec![Attribute::new("tier", "vip")], 0),
        (vec![Attribute::new("tier", "lab")], 2),
        (vec![Attribute::new("tier", "gold")], 1),
        (vec![Attribute::new("tier", 2)], 1),
        (vec![], 1),
    ] {
        let placement = policy.place(0, &device(&attributes));
        assert_eq!(placement.tier, tier, "{attributes:?}");
    }
}

#[test]
fn each_lane_is_a_cohort_even_an_empty_one() {
    let view = view(&open(), 3, 0, 4);
    let cohorts = view.cohorts.iter();
    let cohorts: Vec<_> = cohorts.map(|c| (c.name.as_str(), c.size)).collect();
    assert_eq!(cohorts, [("vip", 3), ("normal", 0), ("lab", 4)]);
}

#[test]
fn lanes_run_side_by_side_each_within_its_own_concurrency() {
    let policy = open();
    let mut view = view(&policy, 20, 100, 0);
    assert_eq!(start(&policy, &mut view), [2, 10, 0]);
    assert_eq!(
        start(&policy, &mut view),
        [0, 0, 0],
        "an answer given twice"
    );
    end(&mut view.cohorts[0], 1, 0);
    end(&mut view.cohorts[1], 4, 3);
    assert_eq!(start(&policy, &mut view), [1, 7, 0]);
    while view.cohorts.iter().any(|cohort| cohort.ended < cohort.size) {
        for (cohort, most) in view.cohorts.iter_mut().zip([2, 10, 50]) {
            assert!(cohort.in_progress <= most);
            let running = cohort.in_progress;
            end(cohort, running, 0);
        }
        assert_eq!(policy.decide(&view, &[]).verdict, Verdict::Continue);
        start(&policy, &mut view);
    }
}

/// 55 of 100: what a share makes of whole devices is exact.
#[test]
fn a_lane_waits_until_another_has_succeeded_by_its_share() {
    let policy = open();
    let mut view = view(&policy, 100, 1, 60);
    while view.cohorts[0].states.succeeded < 54 {
        start(&policy, &mut view);
        end(&mut view.cohorts[0], 1, 0);
    }
    let decision = policy.decide(&view, &[]);
    assert_eq!(decision.reasons[0].code, "lane-waits");
    assert_eq!(decision.reasons[0].cohort, Some(0));
    let trigger = &decision.triggers[0];
    assert_eq!(
        (trigger.cohort, trigger.measure, trigger.reaches),
        (0, Measure::Succeeded, 55)
    );
    assert_eq!(start(&policy, &mut view)[2], 0);
    end(&mut view.cohorts[0], 1, 0);
    assert_eq!(start(&policy, &mut view)[2], 50);
}

#[test]
fn an_empty_lane_keeps_nobody_waiting() {
    let policy = open();
    let mut view = view(&policy, 0, 0, 60);
    assert_eq!(start(&policy, &mut view), [0, 0, 50]);
}

#[test]
fn a_lane_that_waits_in_vain_holds_when_the_others_are_done_and_a_person_lets_it_go() {
    let policy = open();
    let mut view = view(&policy, 2, 5, 60);
    start(&policy, &mut view);
    end(&mut view.cohorts[0], 0, 2);
    let others = policy.decide(&view, &[]);
    assert_eq!(others.verdict, Verdict::Continue, "lane `normal` goes on");
    end(&mut view.cohorts[1], 5, 0);
    let held = policy.decide(&view, &[]);
    assert_eq!(held.verdict, Verdict::Hold);
    assert_eq!(
        held.reasons[0].text,
        "lane `lab` waits for 2 devices of lane `vip`, and only 0 succeeded"
    );
    view.advances.push(windlass_sdk::Advance {
        cohort: Some(0),
        actor: "operator".to_owned(),
        at: view.now,
    });
    assert_eq!(policy.decide(&view, &[]).verdict, Verdict::Continue);
    assert_eq!(start(&policy, &mut view)[2], 50);
}

#[test]
fn each_problem_points_at_its_setting() {
    let lane = r#"{"name":"a","concurrency":1}"#;
    let after = |after: &str| {
        format!(r#"{{"lane":"x","lanes":[{lane},{{"name":"b","concurrency":1,"after":{after}}}]}}"#)
    };
    for (settings, pointer, message) in [
        (
            format!(r#"{{"lane":"","lanes":[{lane}]}}"#),
            "/lane",
            "the attribute has no name",
        ),
        (
            r#"{"lane":"x","lanes":[]}"#.to_owned(),
            "/lanes",
            "there are 1 to 30 lanes, not 0",
        ),
        (
            format!(r#"{{"lane":"x","lanes":[{lane},{lane}]}}"#),
            "/lanes/1/name",
            "the name `a` is taken by an earlier lane",
        ),
        (
            r#"{"lane":"x","lanes":[{"name":"","concurrency":1}]}"#.to_owned(),
            "/lanes/0/name",
            "a name has 1 to 64 bytes, not 0",
        ),
        (
            r#"{"lane":"x","lanes":[{"name":"a","concurrency":0}]}"#.to_owned(),
            "/lanes/0/concurrency",
            "a lane of no concurrency never ends",
        ),
        (
            format!(r#"{{"lane":"x","lanes":[{lane}],"otherwise":"c"}}"#),
            "/otherwise",
            "`c` is none of the lanes here",
        ),
        (
            after(r#"{"lane":"b","succeeded":0.5}"#),
            "/lanes/1/after/lane",
            "`b` is none of the lanes here",
        ),
        (
            after(r#"{"lane":"a","succeeded":50}"#),
            "/lanes/1/after/succeeded",
            "a share is above 0 and at most 1, and 50 is not",
        ),
    ] {
        let problems = testing::open_policy::<PriorityLanes>(&settings)
            .err()
            .unwrap_or_else(|| panic!("{settings} is taken"));
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.place.clone(), problem.message.as_str()))
            .collect();
        let place = Place::Setting(pointer.to_owned());
        assert_eq!(found, [(place, message)], "{settings}");
    }
}

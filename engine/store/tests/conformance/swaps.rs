//! Other policies for a rollout under way (issue 4, "Swap").

use windlass_model::{
    Approval, AssignmentState, AttemptOutcome, Change, Cohort, CohortIndex, Decision,
    DecisionAnswer, DecisionRecord, EventKind, Inheritance, PluginName, PluginPin, PolicySwap,
    RolloutKey, RolloutSnapshot, RolloutState, Sha256, Timestamp,
};
use windlass_store::SwapConflict;

use crate::{
    fixture::{Fixture, pin},
    reading::record,
};

const AT: Timestamp = Timestamp(50_000);

/// Four devices, of which two were updated in cohort 0, and a policy that has noted `[1]`.
fn under_way(f: &mut Fixture) -> RolloutKey {
    let devices = f.fleet(4);
    let rollout = f.rollout("r", &devices, 2);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let rows = f.assignments(rollout);
    for (id, row) in (1..).zip(&rows[..2]) {
        let at = 10_000 * u64::from(id);
        let (outcome, state) = (AttemptOutcome::Delivered, AssignmentState::Succeeded);
        f.attempt(rollout, row, (id, at), outcome, state);
    }
    decide(f, rollout, "careful", &[1]);
    let gate = Approval {
        gate: "canary".to_owned(),
        actor: "ada".to_owned(),
        at: Timestamp(9_000),
        expires: None,
    };
    f.apply(rollout, vec![Change::Approved(gate)]);
    rollout
}

fn decide(f: &mut Fixture, rollout: RolloutKey, policy: &str, memo: &[u8]) {
    let decision = Decision {
        ceilings: Vec::new(),
        valid_until: Timestamp(1),
        verdict: windlass_model::Verdict::Continue,
        reasons: Vec::new(),
        memo: memo.to_vec(),
        ask_at: None,
        triggers: Vec::new(),
        rechecks: Vec::new(),
    };
    let record: DecisionRecord = record(policy, 30_000, DecisionAnswer::Decided(decision));
    f.apply(rollout, vec![Change::Decision(Box::new(record))]);
}

fn other(name: &str) -> PluginPin {
    PluginPin {
        settings: Sha256([9; 32]),
        ..pin(name)
    }
}

fn cohort(name: &str, size: u64) -> Cohort {
    Cohort {
        name: name.to_owned(),
        size,
    }
}

fn known(f: &Fixture, rollout: RolloutKey) -> RolloutSnapshot {
    f.store.snapshot(rollout).expect("known")
}

/// `careful` with other settings, which cuts one, two and one device; `nights` stays.
fn swap(f: &Fixture, rollout: RolloutKey) -> PolicySwap {
    let rows = f.assignments(rollout);
    let (decided, _) = f.store.memos(rollout).expect("readable");
    let homes = [0, 1, 1, 2];
    let moves = rows.iter().zip(homes);
    let moves = moves.filter(|(row, home)| row.cohort != CohortIndex(*home));
    PolicySwap {
        actor: "ada".to_owned(),
        reason: "too fast".to_owned(),
        replaces: known(f, rollout).rollout.plan.policies,
        policies: vec![other("careful"), pin("nights")],
        decided,
        memos: vec![Inheritance::Given(vec![2]), Inheritance::Kept],
        cohorts: vec![cohort("one", 1), cohort("two", 2), cohort("rest", 1)],
        moves: moves
            .map(|(row, home)| (row.id, CohortIndex(home)))
            .collect(),
    }
}

/// Counts, instants, plan, memos, consents and the log: all follow in one transaction.
pub(crate) fn a_swap_charges_the_new_cohorts_with_what_was_started(f: &mut Fixture) {
    let rollout = under_way(f);
    let swap = swap(f, rollout);
    f.store.swap_policies(rollout, &swap, AT).expect("it fits");
    let after = known(f, rollout);
    let charged: Vec<_> = after
        .cohorts
        .iter()
        .map(|view| (view.name.as_str(), view.size, view.started, view.ended))
        .collect();
    assert_eq!(
        charged,
        [("one", 1, 1, 1), ("two", 2, 1, 1), ("rest", 1, 0, 0)]
    );
    let instants: Vec<_> = after
        .cohorts
        .iter()
        .map(|view| (view.first_started, view.last_ended))
        .collect();
    let at = |at| Some(Timestamp(at));
    assert_eq!(
        instants,
        [
            (at(10_000), at(11_000)),
            (at(20_000), at(21_000)),
            (None, None)
        ]
    );
    assert_eq!(after.rollout.plan.policies, swap.policies);
    assert_eq!(after.rollout.plan.cohorts, swap.cohorts);
    assert_eq!(after.memos, [Some(vec![2]), None]);
    assert!(after.decisions.iter().all(Option::is_none));
    assert!(after.approvals.is_empty(), "they were given to the others");
    let probation = after.probation.expect("one is new");
    assert!(probation.watches(&other("careful")) && !probation.watches(&pin("nights")));
    let expected = EventKind::PoliciesSwapped {
        actor: "ada".to_owned(),
        reason: "too fast".to_owned(),
        before: swap.replaces,
        after: swap.policies,
        cohorts: swap.cohorts,
        moved: 2,
    };
    assert_eq!(f.events().last(), Some(&(Some(rollout), expected)));

    decide(f, rollout, "careful", &[3]);
    let decided = known(f, rollout);
    assert_eq!(decided.memos, [None, None], "its own decision counts now");
    assert!(decided.decisions[0].is_some());
}

/// Going back is exact: cohorts, members, instants, counts and memos are those before; devices
/// that joined since are in the last cohort.
pub(crate) fn what_is_taken_back_is_as_it_was(f: &mut Fixture) {
    let rollout = under_way(f);
    let mut before = known(f, rollout);
    // No event told the time at which they ended; their attempts do.
    before.cohorts[0].last_ended = Some(Timestamp(21_000));
    let homes = f.assignments(rollout);
    let swap = swap(f, rollout);
    f.store.swap_policies(rollout, &swap, AT).expect("it fits");
    decide(f, rollout, "careful", &[7]);
    let policy = PluginName::new("careful");
    let back = |f: &mut Fixture| {
        let taken = f.store.take_policies_back(rollout, &policy, "trap", AT);
        taken.expect("readable")
    };
    assert!(back(f));
    let after = known(f, rollout);
    assert_eq!(after.rollout, before.rollout);
    assert_eq!(after.cohorts, before.cohorts);
    assert_eq!(f.assignments(rollout), homes);
    assert_eq!(after.memos, [Some(vec![1]), None]);
    assert_eq!(after.probation, None);
    let expected = EventKind::PoliciesTakenBack {
        policy: policy.clone(),
        message: "trap".to_owned(),
        policies: vec![policy.clone(), PluginName::new("nights")],
    };
    assert_eq!(f.events().last(), Some(&(Some(rollout), expected)));
    assert!(!back(f), "once");

    let again = self::swap(f, rollout);
    f.store.swap_policies(rollout, &again, AT).expect("it fits");
    let devices = f.fleet(5);
    f.store
        .extend_rollout(rollout, &mut devices.into_iter(), AT)
        .expect("it grows");
    assert!(back(f));
    let sizes: Vec<_> = known(f, rollout)
        .cohorts
        .iter()
        .map(|view| (view.size, view.states.total()))
        .collect();
    assert_eq!(sizes, [(2, 2), (3, 3)]);
}

/// Once the new policies have shown that they work, nothing is taken back.
pub(crate) fn a_probation_that_was_passed_is_over(f: &mut Fixture) {
    let rollout = under_way(f);
    let swap = swap(f, rollout);
    f.store.swap_policies(rollout, &swap, AT).expect("it fits");
    assert!(f.store.probation(rollout).expect("readable").is_some());
    f.apply(rollout, vec![Change::ProbationPassed]);
    assert!(f.store.probation(rollout).expect("readable").is_none());
    let kept = known(f, rollout);
    let policy = PluginName::new("careful");
    let taken = f.store.take_policies_back(rollout, &policy, "trap", AT);
    assert!(!taken.expect("readable"));
    assert_eq!(known(f, rollout), kept);
}

/// A swap that only takes a policy away has nothing to try out.
pub(crate) fn fewer_policies_are_on_no_probation(f: &mut Fixture) {
    let rollout = under_way(f);
    let mut fewer = swap(f, rollout);
    fewer.policies = vec![pin("careful")];
    fewer.memos = vec![Inheritance::Kept];
    f.store.swap_policies(rollout, &fewer, AT).expect("it fits");
    let after = known(f, rollout);
    assert_eq!(after.probation, None);
    assert!(after.decisions[0].is_some(), "it goes on as before");
}

pub(crate) fn a_refused_swap_leaves_nothing_behind(f: &mut Fixture) {
    let rollout = under_way(f);
    let fitting = swap(f, rollout);
    let (before, events) = (known(f, rollout), f.events());
    let mut stale = fitting.clone();
    stale.replaces.pop();
    let mut unknown = fitting.clone();
    unknown.moves[0].0.0 += 100;
    let mut grown = fitting.clone();
    grown.cohorts[2].size += 1;
    let mut outside = fitting.clone();
    outside.moves[0].1 = CohortIndex(9);
    let mut later = fitting.clone();
    later.decided -= 1;
    let mut mute = fitting.clone();
    mute.memos.pop();
    let refused = |f: &mut Fixture, swap: &PolicySwap| {
        let refused = f.store.swap_policies(rollout, swap, AT);
        let refused = refused.expect_err("it does not fit").to_string();
        assert_eq!(
            (known(f, rollout), f.events()),
            (before.clone(), events.clone())
        );
        refused
    };
    let told = [stale, unknown, grown, outside, later, mute].map(|swap| refused(f, &swap));
    let targets = format!("rollout {rollout} has other targets by now");
    assert_eq!(
        told,
        [
            format!("rollout {rollout} has other policies by now"),
            targets.clone(),
            targets.clone(),
            targets,
            format!("rollout {rollout} has decided since"),
            "a swap to 2 policies has 1 memos".to_owned(),
        ]
    );
    let ended = Change::Rollout {
        state: RolloutState::Aborting,
        started_at: None,
        ended_at: None,
        paused_for: std::time::Duration::ZERO,
        paused_since: None,
    };
    f.apply(rollout, vec![ended]);
    let refused = f.store.swap_policies(rollout, &fitting, AT);
    assert!(
        matches!(refused, Err(SwapConflict::Ended(_))),
        "{refused:?}"
    );
}

//! What is allowed now, by the operator's clock and by the devices'.

use windlass_sdk::{Ceiling, Policy, TierCount, Verdict};

use crate::fleet::{DAY, HOUR, MINUTE, at, open, view};

const NIGHT: &str =
    r#"{"zone":"Europe/Berlin","last_start":"15m","windows":[{"from":"02:00","to":"04:00"}]}"#;

#[test]
fn an_operators_window_holds_until_it_opens_and_ends_at_the_last_start() {
    let policy = open(NIGHT);
    let opens = at("2026-07-08T02:00+02:00");
    let held = policy.decide(&view(opens - HOUR), &[]);
    assert_eq!((held.verdict, held.ask_at), (Verdict::Hold, Some(opens)));
    assert_eq!(held.reasons[0].code, "window-closed");
    let names: Vec<&str> = held.reasons[0]
        .parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    assert_eq!(names, ["opens_at", "window", "zone"]);

    let last = opens + 105 * MINUTE;
    for now in [opens, opens + HOUR, last - 1] {
        let goes = policy.decide(&view(now), &[]);
        assert_eq!(goes.verdict, Verdict::Continue);
        assert_eq!((goes.valid_until, goes.ask_at), (last - 1, Some(last)));
        assert_eq!(goes.ceilings, [Ceiling::UNLIMITED]);
        assert!(goes.reasons.is_empty() && goes.memo.is_empty() && goes.triggers.is_empty());
    }
    let closed = policy.decide(&view(last), &[]);
    assert_eq!(
        (closed.verdict, closed.ask_at),
        (Verdict::Hold, Some(opens + DAY))
    );
}

#[test]
fn where_devices_go_by_their_own_clocks_decisions_let_pass() {
    let policy = open(&NIGHT.replace("Europe/Berlin\"", "device\",\"without_zone\":\"skip\""));
    let now = at("2026-07-08T12:00Z");
    let decision = policy.decide(&view(now), &[]);
    assert_eq!(decision.verdict, Verdict::Continue);
    assert_eq!(decision.valid_until, now + 5 * MINUTE);
    assert!(policy.admits());
}

#[test]
fn a_window_without_an_end_in_sight_is_decided_day_by_day() {
    for window in [
        r#"{"from":"00:00","to":"24:00"}"#,
        r#"{"cron":"* * * * *","duration":"1m"}"#,
    ] {
        let policy = open(&format!(r#"{{"zone":"UTC","windows":[{window}]}}"#));
        let now = at("2026-07-08T12:00Z");
        let decision = policy.decide(&view(now), &[]);
        assert_eq!(
            (decision.verdict, decision.valid_until),
            (Verdict::Continue, now + DAY)
        );
    }
}

#[test]
fn all_devices_are_one_cohort_and_no_memo_is_kept() {
    let policy = open(NIGHT);
    let tiers = [(0, 3), (5, 4)].map(|(tier, devices)| TierCount { tier, devices });
    let cohorts = policy.cohorts(&tiers).expect("any number is one cohort");
    assert_eq!(cohorts.len(), 1);
    assert_eq!((cohorts[0].name.as_str(), cohorts[0].size), ("all", 7));
    assert_eq!(policy.migrate("policy-window", &[]), Ok(vec![]));
    assert!(policy.migrate("another", b"{}").is_err());
}

/// No instant is too late to ask.
#[test]
fn the_end_of_the_calendar() {
    let late = open(&NIGHT.replace("Europe/Berlin\"", "device\",\"without_zone\":\"skip\""));
    let free = open(r#"{"zone":"UTC","not_before":"2026-07-08"}"#);
    for now in [
        0,
        at("9998-12-31T23:00Z"),
        at("9999-12-30T00:00Z"),
        i64::MAX as u64,
        u64::MAX,
    ] {
        for policy in [&open(NIGHT), &late, &free] {
            let decision = policy.decide(&view(now), &[]);
            assert!(decision.valid_until >= now);
            let admission = crate::fleet::ask(policy, "America/New_York", now);
            assert!(admission.not_before.is_none_or(|at| at > now));
        }
    }
}

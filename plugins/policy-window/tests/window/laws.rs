//! What holds for all settings, devices and instants.

use proptest::prelude::*;
use windlass_sdk::{Connectivity, FailureCount, FailureKind, Policy, Verdict};

use super::{
    cases,
    fleet::{DAY, HOUR, MINUTE, ask, at, candidate, may_start, open, try_open, view},
};

const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Asia/Beirut",
    "America/St_Johns",
    "Pacific/Chatham",
    "UTC",
];

/// A year in which every clock above is turned twice.
const YEAR: &str = "2026-01-01T00:00Z";

#[derive(Clone, Debug)]
struct Written {
    windows: Vec<String>,
    freezes: Vec<(u64, u64)>,
    last_start: u64,
    rest: String,
}

impl Written {
    fn settings(&self, zone: &str, last_start: u64, freezes: bool) -> String {
        let without = if zone == "device" {
            r#","without_zone":"skip""#
        } else {
            ""
        };
        let start = at(YEAR);
        let freezes: Vec<String> = self
            .freezes
            .iter()
            .filter(|_| freezes)
            .map(|(from, to)| {
                let show = |minutes| {
                    jiff::Timestamp::from_millisecond((start + minutes * MINUTE) as i64)
                        .expect("it is an instant")
                };
                format!(r#"{{"from":"{}","to":"{}"}}"#, show(*from), show(*to))
            })
            .collect();
        format!(
            r#"{{"zone":"{zone}"{without},"last_start":"{last_start}m","windows":[{}],"freezes":[{}]{}}}"#,
            self.windows.join(","),
            freezes.join(","),
            self.rest
        )
    }

    fn text(&self) -> String {
        self.settings("device", self.last_start, true)
    }

    fn is_frozen(&self, now: u64) -> bool {
        let minute = |minutes: u64| at(YEAR) + minutes * MINUTE;
        self.freezes
            .iter()
            .any(|(from, to)| (minute(*from)..minute(*to)).contains(&now))
    }
}

fn window() -> impl Strategy<Value = String> {
    let time = || (0..24_u32, 0..4_u32).prop_map(|(hour, quarter)| (hour, quarter * 15));
    let days =
        prop::sample::subsequence(vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 1..7);
    let range = (days, any::<bool>(), time(), time()).prop_map(|(days, daily, from, to)| {
        let days = if daily {
            String::new()
        } else {
            format!(r#""days":["{}"],"#, days.join(r#"",""#))
        };
        let to = if from == to {
            "24:00".to_owned()
        } else {
            format!("{:02}:{:02}", to.0, to.1)
        };
        format!(
            r#"{{{days}"from":"{:02}:{:02}","to":"{to}"}}"#,
            from.0, from.1
        )
    });
    let hours = prop_oneof![
        (0..24_u32).prop_map(|hour| hour.to_string()),
        Just("*".to_owned()),
        Just("*/3".to_owned()),
        Just("1-3".to_owned()),
    ];
    let cron = (0..60_u32, hours, 0..8_u32, 15..2000_u64).prop_map(|(minute, hour, day, lasts)| {
        let day = if day == 0 {
            "*".to_owned()
        } else {
            (day - 1).to_string()
        };
        format!(r#"{{"cron":"{minute} {hour} * * {day}","duration":"{lasts}m"}}"#)
    });
    prop_oneof![range, cron]
}

fn written() -> impl Strategy<Value = Written> {
    let freeze =
        (0..365 * 24 * 60_u64, 1..20_000_u64).prop_map(|(from, lasts)| (from, from + lasts));
    let rest = prop_oneof![
        4 => Just(String::new()),
        1 => Just(r#","not_before":"2026-03-20","not_after":"2026-10-30""#.to_owned()),
    ];
    (
        prop::collection::vec(window(), 1..4),
        prop::collection::vec(freeze, 0..4),
        0..15_u64,
        rest,
    )
        .prop_map(|(windows, freezes, last_start, rest)| Written {
            windows,
            freezes,
            last_start,
            rest,
        })
}

/// Half of them in nights in which some clock is turned.
fn instants() -> impl Strategy<Value = u64> {
    let turns = prop::sample::select(vec![
        "2026-03-08T00:00Z",
        "2026-03-28T20:00Z",
        "2026-04-04T10:00Z",
        "2026-09-26T10:00Z",
        "2026-10-03T10:00Z",
        "2026-10-24T20:00Z",
        "2026-11-01T00:00Z",
    ]);
    prop_oneof![
        (0..365 * DAY).prop_map(|after| at(YEAR) + after),
        (turns, 0..12 * HOUR).prop_map(|(turn, after)| at(turn) + after),
    ]
}

proptest! {
    #![proptest_config(cases())]

    /// The contract: the same arguments give the same answer, whatever was asked before.
    #[test]
    fn a_fresh_instance_answers_as_one_that_was_kept(written in written(), nows in prop::collection::vec(instants(), 1..8), steps in prop::collection::vec(0..2 * DAY, 1..8)) {
        let kept = open(&written.text());
        for now in &nows {
            for zone in [None, Some("Mars/Olympus")].into_iter().chain(ZONES.map(Some)) {
                let device = candidate(zone, Connectivity::Unknown);
                let one = kept.admit(*now, &device);
                prop_assert_eq!(&one, &kept.admit(*now, &device));
                prop_assert_eq!(&one, &open(&written.text()).admit(*now, &device));
            }
            // Also as time goes on: most decisions are taken by what the one before found.
            let mut now = *now;
            for step in &steps {
                prop_assert_eq!(kept.decide(&view(now), &[]), open(&written.text()).decide(&view(now), &[]));
                now += step;
            }
        }
    }

    #[test]
    fn a_closed_window_names_the_instant_at_which_it_opens(written in written(), now in instants(), zone in prop::sample::select(ZONES.to_vec()), between in 0.0..1.0) {
        let policy = open(&written.text());
        let admission = ask(&policy, zone, now);
        if let Some(opens) = admission.not_before {
            prop_assert!(opens > now && !admission.never);
            prop_assert!(may_start(&policy, zone, opens));
            let before = now + ((opens - 1 - now) as f64 * between) as u64;
            prop_assert_eq!(ask(&policy, zone, before).not_before, Some(opens), "nothing opens earlier");
        }
        prop_assert_eq!(admission.reason.is_none(), may_start(&policy, zone, now));
    }

    #[test]
    fn nothing_starts_in_a_freeze(written in written(), now in instants(), zone in prop::sample::select(ZONES.to_vec())) {
        let policy = open(&written.text());
        let admission = ask(&policy, zone, now);
        let starts = admission.not_before.unwrap_or(now);
        prop_assert!(admission.never || !written.is_frozen(starts), "{starts}");
    }

    /// A device may start if and only if it is left alone by neither a window's end nor a
    /// freeze for the whole of the margin.
    #[test]
    fn the_last_start_is_a_margin(written in written(), now in instants(), zone in prop::sample::select(ZONES.to_vec())) {
        let written = Written { rest: String::new(), ..written };
        let with = open(&written.text());
        let without = open(&written.settings("device", 0, true));
        let margin = (0..=written.last_start).map(|minutes| now + minutes * MINUTE);
        prop_assert_eq!(
            may_start(&with, zone, now),
            margin.into_iter().all(|at| may_start(&without, zone, at)) ,
        );
    }

    /// Against the plainest reading of a range, in zones whose clocks are not turned.
    #[test]
    fn ranges_are_what_they_say(days in prop::sample::subsequence(vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 1..7), from in 0..96_u64, length in 1..=96_u64, now in instants()) {
        let quarter = 15 * MINUTE;
        let show = |quarters: u64| format!("{:02}:{:02}", quarters / 4, quarters % 4 * 15);
        let to = if (from + length).is_multiple_of(96) { 96 } else { (from + length) % 96 };
        prop_assume!(from != to);
        let policy = open(&format!(
            r#"{{"zone":"device","without_zone":"skip","windows":[{{"days":["{}"],"from":"{}","to":"{}"}}]}}"#,
            days.join(r#"",""#), show(from), show(to),
        ));
        let names = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
        let local = now + 5 * HOUR + 30 * MINUTE;
        let is_open = (0..2).any(|back| {
            // 1 January 1970 was a Thursday.
            let day = local / DAY - back;
            let begins = day * DAY + from * quarter;
            days.contains(&names[(day % 7) as usize]) && (begins..begins + length * quarter).contains(&local)
        });
        prop_assert_eq!(may_start(&policy, "Asia/Kolkata", now), is_open);
    }

    /// Nothing starts by the operator's clock that a device may not by the same as its own.
    #[test]
    fn decisions_hold_as_long_as_a_device_may_start(written in written(), now in instants(), zone in prop::sample::select(ZONES.to_vec()), between in 0.0..1.0) {
        let operators = match try_open(&written.settings(zone, written.last_start, true)) {
            Ok(policy) => policy,
            // Nothing opens between its dates, which only one zone can know.
            Err(_) => return Ok(()),
        };
        let devices = open(&written.text());
        let decision = operators.decide(&view(now), &[]);
        let admission = ask(&devices, zone, now);
        prop_assert_eq!(decision.verdict == Verdict::Hold, admission.not_before.is_some());
        if decision.verdict == Verdict::Hold {
            prop_assert_eq!(decision.ask_at, admission.not_before);
            prop_assert_eq!(&decision.reasons[..], &admission.reason.into_iter().collect::<Vec<_>>()[..]);
        } else if !admission.never {
            let last = decision.valid_until;
            prop_assert!(last >= now && last <= now + DAY);
            let within = now + ((last - now) as f64 * between) as u64;
            prop_assert!(may_start(&devices, zone, within));
            prop_assert!(may_start(&devices, zone, last));
            prop_assert!(last == now + DAY || !may_start(&devices, zone, last + 1));
        }
    }

    /// What is over stays over.
    #[test]
    fn a_device_that_never_may_start_never_may_later(written in written(), now in instants(), later in 0..365 * DAY, zone in prop::sample::select(ZONES.to_vec())) {
        let policy = open(&written.text());
        if ask(&policy, zone, now).never {
            prop_assert!(ask(&policy, zone, now + later).never);
        }
    }

    /// It goes by the clock alone: no failure opens a window.
    #[test]
    fn failures_change_nothing(written in written(), now in instants(), zone in prop::sample::select(ZONES.to_vec()), failed in 1..=10_u64) {
        let Ok(policy) = try_open(&written.settings(zone, written.last_start, true)) else {
            return Ok(());
        };
        let mut worse = view(now);
        let cohort = &mut worse.cohorts[0];
        cohort.states.pending -= failed;
        cohort.states.dead_lettered += failed;
        cohort.started += failed;
        cohort.ended += failed;
        let failures = vec![FailureCount { kind: FailureKind::DeviceError, count: failed }];
        cohort.failures.clone_from(&failures);
        cohort.first_failures = failures;
        prop_assert_eq!(policy.decide(&worse, &[]), policy.decide(&view(now), &[]));
    }

    /// Devices that ask one after the other start or are told that they never will, each
    /// after one wait at the most.
    #[test]
    fn a_fleet_that_obeys_comes_to_an_end(written in written(), start in instants(), zone in prop::sample::select(ZONES.to_vec()), pauses in prop::collection::vec(0..12 * HOUR, 1..8)) {
        let Ok(policy) = try_open(&written.settings(zone, written.last_start, true)) else {
            return Ok(());
        };
        let mut now = start;
        for pause in pauses {
            let mut decision = policy.decide(&view(now), &[]);
            if decision.verdict == Verdict::Hold {
                now = decision.ask_at.expect("a hold says when it ends");
                decision = policy.decide(&view(now), &[]);
            }
            prop_assert_eq!(decision.verdict, Verdict::Continue);
            prop_assert!(ask(&policy, zone, now).never || decision.valid_until >= now);
            now += pause;
        }
    }
}

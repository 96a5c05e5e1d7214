//! No line is wider than the terminal, whatever the session.

use std::time::Duration;

use proptest::prelude::*;
use unicode_width::UnicodeWidthChar as _;
use windlass_model::{Reason, Timestamp, Verdict};
use windlass_simulate::{
    BlastRadius, CohortCourse, End, Harm, Mark, Sample, Session, Shares,
    show::{Glyphs, Ink, Look, side_by_side, text},
};

/// Far more than there are devices.
const MAX: u64 = 1 << 40;

fn counts() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..20u64, 0..2_000_000u64, 0..MAX]
}

fn spans() -> impl Strategy<Value = Duration> {
    let century = 100 * 366 * 86_400_000u64;
    let millis = prop_oneof![Just(0), 0..10_000u64, 0..90_000_000u64, 0..century];
    millis.prop_map(Duration::from_millis)
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "\\PC{0,60}",
        any::<String>(),
        "[漢字 ]{1,40}",
        "[a-z<>&'\"]{80,120}"
    ]
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![
        Verdict::Continue,
        Verdict::Hold,
        Verdict::Pause,
        Verdict::Abort,
        Verdict::RollBack,
    ])
}

fn reasons() -> impl Strategy<Value = Vec<Reason>> {
    let reason = names().prop_map(|text| Reason {
        code: "some".to_owned(),
        cohort: None,
        parameters: [].into(),
        text,
    });
    prop::collection::vec(reason, 0..3)
}

fn marks() -> impl Strategy<Value = Vec<Mark>> {
    let mark = (spans(), verdicts(), reasons(), counts());
    let mark = mark.prop_map(|(at, verdict, reasons, started)| Mark {
        at,
        verdict,
        reasons,
        started,
    });
    prop::collection::vec(mark, 0..12).prop_map(|mut marks| {
        marks.sort_by_key(|mark| mark.at);
        marks
    })
}

fn cohorts() -> impl Strategy<Value = Vec<CohortCourse>> {
    let times = (prop::option::of(spans()), prop::option::of(spans()));
    let cohort = (names(), counts(), times, counts(), counts());
    let cohort =
        cohort.prop_map(
            |(name, size, (first_started, ended), succeeded, failed)| CohortCourse {
                name,
                size,
                first_started,
                ended,
                succeeded,
                failed,
            },
        );
    prop::collection::vec(cohort, 0..25)
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let counts = || counts();
    let sample = (
        spans(),
        prop::collection::vec(counts(), 0..3),
        counts(),
        counts(),
        counts(),
        counts(),
    );
    let sample = sample.prop_map(
        |(at, started, succeeded, failed, deferred, starts_per_minute)| Sample {
            at,
            started,
            succeeded,
            failed,
            deferred,
            in_progress: 0,
            starts_per_minute,
        },
    );
    prop::collection::vec(sample, 0..30)
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        spans().prop_map(End::Completed),
        spans().prop_map(End::Aborted),
        spans().prop_map(End::RolledBack),
        (spans(), reasons()).prop_map(|(at, reasons)| End::Blocked(at, reasons)),
        Just(End::Unfinished),
    ]
}

fn radii() -> impl Strategy<Value = Option<BlastRadius>> {
    let radius = (counts(), 0.0..=1.0, names(), prop::option::of(spans()));
    let radius = radius.prop_map(|(devices, rate, cohort, at)| BlastRadius {
        devices,
        rate,
        cohort,
        at,
    });
    prop::option::of(radius)
}

/// Sessions of every shape, also such as no driver would tell of.
pub(crate) fn sessions() -> impl Strategy<Value = Session> {
    let named = (
        names(),
        any::<u64>(),
        names(),
        counts(),
        any::<u64>(),
        spans(),
    );
    let share = || prop::option::of(spans());
    let outcome = (share(), share(), share(), counts(), counts(), counts());
    (
        named,
        cohorts(),
        samples(),
        marks(),
        ends(),
        radii(),
        outcome,
    )
        .prop_map(
            |(named, cohorts, samples, marks, end, blast_radius, outcome)| {
                let (rollout, seed, fleet, devices, began, span) = named;
                let (half, most, all, failures, harmed, peak_starts) = outcome;
                Session {
                    configuration: rollout.clone(),
                    rollout,
                    seed,
                    fleet,
                    recorded: None,
                    signals: Vec::new(),
                    devices,
                    began: Timestamp(began),
                    span,
                    cohorts,
                    samples,
                    peak_starts,
                    updated: Shares { half, most, all },
                    harm: Harm {
                        failures,
                        harmed,
                        fell_back: None,
                    },
                    blast_radius,
                    marks,
                    end,
                    decisions: seed,
                }
            },
        )
}

fn looks() -> impl Strategy<Value = Look> {
    let glyphs = prop::sample::select(vec![Glyphs::Unicode, Glyphs::Ascii]);
    (0..200usize, glyphs).prop_map(|(width, glyphs)| Look {
        width,
        glyphs,
        ink: Ink::Plain,
    })
}

fn assert_fits(shown: &str, look: &Look) {
    let limit = look.width.max(Look::MIN_WIDTH);
    for line in shown.lines() {
        let columns: usize = line.chars().filter_map(char::width).sum();
        assert!(columns <= limit, "{columns} columns of {limit}: {line:?}");
        assert_eq!(line.trim_end(), line, "no blanks at the end");
    }
    assert!(shown.ends_with('\n'));
    if look.glyphs == Glyphs::Ascii {
        assert!(shown.is_ascii(), "{shown}");
    }
    let stray = |character: char| character.is_control() && character != '\n';
    assert!(!shown.chars().any(stray), "{shown:?}");
}

proptest! {
    #[test]
    fn one_session_fits(session in sessions(), look in looks()) {
        assert_fits(&text(&session, &look), &look);
    }

    #[test]
    fn several_sessions_fit(sessions in prop::collection::vec(sessions(), 0..5), look in looks()) {
        assert_fits(&side_by_side(&sessions, &look), &look);
    }
}

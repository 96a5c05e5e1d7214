//! Sessions as the driver would tell of them, made by hand.

use std::time::Duration;

use windlass_model::{CohortIndex, Reason, Timestamp, Verdict};
use windlass_simulate::{
    BlastRadius, CohortCourse, End, Harm, Mark, Sample, Session, Shares,
    show::{Glyphs, Ink, Look},
};

pub(crate) const PLAIN: Look = Look {
    width: 80,
    glyphs: Glyphs::Unicode,
    ink: Ink::Plain,
};

/// Monday 2026-03-02, 09:00 UTC.
const BEGAN: Timestamp = Timestamp(1_772_442_000_000);

pub(crate) fn hours(hours: f64) -> Duration {
    Duration::from_secs_f64((hours * 3_600.0).round())
}

pub(crate) fn reason(code: &str, cohort: u32, text: &str) -> Reason {
    Reason {
        code: code.to_owned(),
        cohort: Some(CohortIndex(cohort)),
        parameters: [].into(),
        text: text.to_owned(),
    }
}

pub(crate) fn mark(at: Duration, verdict: Verdict, started: u64, reasons: Vec<Reason>) -> Mark {
    Mark {
        at,
        verdict,
        reasons,
        started,
    }
}

/// Nothing to do.
pub(crate) fn empty() -> Session {
    Session {
        rollout: "pos-2.3".to_owned(),
        configuration: "pos.toml".to_owned(),
        seed: 7,
        fleet: "pos".to_owned(),
        recorded: None,
        signals: Vec::new(),
        devices: 0,
        began: BEGAN,
        span: hours(24.0),
        cohorts: Vec::new(),
        samples: Vec::new(),
        peak_starts: 0,
        updated: Shares::default(),
        harm: Harm::default(),
        blast_radius: None,
        marks: Vec::new(),
        end: End::Completed(Duration::ZERO),
        decisions: 0,
    }
}

/// A cohort that opens at an hour, starts its devices evenly, and of which some fail.
pub(crate) struct Wave {
    pub(crate) name: &'static str,
    pub(crate) size: u64,
    pub(crate) opens: f64,
    pub(crate) lasts: f64,
    pub(crate) failing: f64,
}

impl Wave {
    fn started(&self, at: f64) -> u64 {
        let share = ((at - self.opens) / self.lasts).clamp(0.0, 1.0);
        (self.size as f64 * share).round() as u64
    }

    /// A device takes a twentieth of the cohort's time.
    fn ended(&self, at: f64) -> u64 {
        self.started(at - self.lasts / 20.0)
    }

    fn failed(&self, at: f64) -> u64 {
        (self.ended(at) as f64 * self.failing).round() as u64
    }
}

/// A session of these waves, watched for so many hours in so many samples.
pub(crate) fn session(waves: &[Wave], watched: f64, samples: u32) -> Session {
    let mut before = 0;
    let samples: Vec<_> = (0..=samples)
        .map(|index| {
            let at = watched * f64::from(index) / f64::from(samples);
            let started: Vec<_> = waves.iter().map(|wave| wave.started(at)).collect();
            let ended: u64 = waves.iter().map(|wave| wave.ended(at)).sum();
            let failed: u64 = waves.iter().map(|wave| wave.failed(at)).sum();
            let total: u64 = started.iter().sum();
            let minutes = watched * 60.0 / f64::from(samples);
            let rate = (total - before) as f64 / minutes;
            before = total;
            Sample {
                at: hours(at),
                started,
                succeeded: ended - failed,
                failed,
                deferred: 0,
                in_progress: total - ended,
                starts_per_minute: rate.ceil() as u64,
            }
        })
        .collect();
    let fastest = samples.iter().map(|sample| sample.starts_per_minute);
    let peak = fastest.max().unwrap_or(0);
    let devices = waves.iter().map(|wave| wave.size).sum();
    let reached = |share: f64| {
        let wanted = (devices as f64 * share).ceil() as u64;
        let sample = samples.iter().find(|sample| sample.succeeded >= wanted);
        sample.map(|sample| sample.at)
    };
    let cohorts: Vec<_> = waves
        .iter()
        .map(|wave| {
            let opened = wave.opens <= watched;
            let ends = wave.opens + wave.lasts * 1.05;
            CohortCourse {
                name: wave.name.to_owned(),
                size: wave.size,
                first_started: opened.then(|| hours(wave.opens)),
                ended: (ends <= watched).then(|| hours(ends)),
                succeeded: wave.ended(watched) - wave.failed(watched),
                failed: wave.failed(watched),
            }
        })
        .collect();
    let ends = cohorts.iter().map(|cohort| cohort.ended);
    let end = ends
        .collect::<Option<Vec<_>>>()
        .and_then(|ends| ends.into_iter().max());
    let failures = cohorts.iter().map(|cohort| cohort.failed).sum();
    Session {
        devices,
        span: hours(watched),
        peak_starts: peak,
        updated: Shares {
            half: reached(0.5),
            most: reached(0.9),
            all: reached(1.0),
        },
        harm: Harm {
            failures,
            harmed: 0,
            fell_back: None,
        },
        end: end.map_or(End::Unfinished, End::Completed),
        decisions: 4_321,
        cohorts,
        samples,
        ..empty()
    }
}

fn wave(name: &'static str, size: u64, opens: f64, lasts: f64, failing: f64) -> Wave {
    Wave {
        name,
        size,
        opens,
        lasts,
        failing,
    }
}

/// Ten devices within an hour.
pub(crate) fn small() -> Session {
    let waves = [
        wave("canary", 2, 0.0, 0.2, 0.0),
        wave("rest", 8, 0.4, 0.4, 0.125),
    ];
    Session {
        blast_radius: Some(BlastRadius {
            devices: 2,
            rate: 1.0,
            cohort: "canary".to_owned(),
            at: Some(hours(0.25)),
        }),
        ..session(&waves, 1.0, 60)
    }
}

/// A million devices in 30 days, with nights on which nothing starts.
pub(crate) fn million() -> Session {
    let waves = [
        wave("canary", 10_000, 0.0, 20.0, 0.001),
        wave("early", 90_000, 72.0, 96.0, 0.002),
        wave("rest", 900_000, 240.0, 400.0, 0.002),
    ];
    let mut session = session(&waves, 720.0, 720);
    for sample in &mut session.samples {
        let late = sample.at.as_secs() as f64 / hours(720.0).as_secs_f64();
        sample.deferred = (60_000.0 * (1.0 - late)) as u64;
    }
    for day in 0..27u32 {
        let open = |cohort| {
            vec![reason(
                "soaking",
                cohort,
                "cohort soaks before the next one opens",
            )]
        };
        let at = f64::from(day) * 24.0;
        let cohort = u32::from(day > 5);
        session.marks.push(mark(
            hours(at),
            Verdict::Continue,
            u64::from(day) * 30_000,
            vec![],
        ));
        session.marks.push(mark(
            hours(at + 12.0),
            Verdict::Hold,
            u64::from(day) * 30_000,
            open(cohort),
        ));
    }
    session.blast_radius = Some(BlastRadius {
        devices: 10_000,
        rate: 0.1,
        cohort: "canary".to_owned(),
        at: Some(hours(20.5)),
    });
    session
}

/// A bad build that the canary shows.
pub(crate) fn aborted() -> Session {
    let waves = [
        wave("canary", 10_000, 0.0, 6.25, 0.14),
        wave("early", 90_000, 72.0, 96.0, 0.0),
        wave("rest", 900_000, 240.0, 400.0, 0.0),
    ];
    let mut session = session(&waves, 720.0, 720);
    // Hourly samples would show too little of it.
    let canary = [wave("canary", 10_000, 0.0, 6.25, 0.14)];
    session.samples = self::session(&canary, 12.0, 144).samples;
    for sample in &mut session.samples {
        sample.started = vec![sample.started[0].min(9_867), 0, 0];
        sample.failed = sample.failed.min(1_381);
        sample.succeeded = sample.succeeded.min(8_486);
        if sample.at > hours(6.2) {
            sample.starts_per_minute = 0;
        }
    }
    session.cohorts[0].succeeded = 8_486;
    session.cohorts[0].failed = 1_381;
    session.cohorts[0].ended = None;
    for cohort in &mut session.cohorts[1..] {
        *cohort = CohortCourse {
            first_started: None,
            ended: None,
            succeeded: 0,
            failed: 0,
            ..cohort.clone()
        };
    }
    session.updated = Shares::default();
    session.peak_starts = 27;
    session.harm = Harm {
        failures: 1_512,
        harmed: 1_730,
        fell_back: None,
    };
    session.blast_radius = Some(BlastRadius {
        devices: 10_000,
        rate: 0.1,
        cohort: "canary".to_owned(),
        at: Some(hours(6.5)),
    });
    let worse = "12.4 % of the first attempts in cohort `canary` failed, and 10 % is the limit";
    session.marks = vec![
        mark(Duration::ZERO, Verdict::Continue, 0, vec![]),
        mark(
            hours(3.0),
            Verdict::Hold,
            4_800,
            vec![reason(
                "signal",
                0,
                "signal `errors` is missing, which is inconclusive",
            )],
        ),
        mark(hours(3.2), Verdict::Continue, 4_800, vec![]),
        mark(
            hours(6.0 + 10.0 / 60.0),
            Verdict::Abort,
            9_867,
            vec![reason("failures", 0, worse)],
        ),
    ];
    session.end = End::Aborted(hours(6.0 + 10.0 / 60.0));
    session
}

/// Nothing may start before a person says so.
pub(crate) fn blocked() -> Session {
    let why = reason(
        "awaiting-approval",
        0,
        "nothing starts before the approval `go`",
    );
    let cohorts = vec![CohortCourse {
        name: "all".to_owned(),
        size: 500,
        first_started: None,
        ended: None,
        succeeded: 0,
        failed: 0,
    }];
    let sample = |at| Sample {
        at,
        started: vec![0],
        succeeded: 0,
        failed: 0,
        deferred: 0,
        in_progress: 0,
        starts_per_minute: 0,
    };
    Session {
        devices: 500,
        cohorts,
        samples: vec![sample(Duration::ZERO), sample(hours(24.0))],
        marks: vec![mark(Duration::ZERO, Verdict::Hold, 0, vec![why.clone()])],
        end: End::Blocked(Duration::ZERO, vec![why]),
        decisions: 1,
        ..empty()
    }
}

/// Ninety days are not enough.
pub(crate) fn unfinished() -> Session {
    let waves = [
        wave("canary", 50, 0.0, 100.0, 0.0),
        wave("rest", 4_950, 400.0, 2_600.0, 0.01),
    ];
    Session {
        fleet: "state.db".to_owned(),
        blast_radius: Some(BlastRadius {
            devices: 5_000,
            rate: 0.05,
            cohort: "rest".to_owned(),
            at: None,
        }),
        ..session(&waves, 2_160.0, 500)
    }
}

/// Names and reasons that a hostile plugin would choose.
pub(crate) fn hostile() -> Session {
    let mut session = aborted();
    session.configuration = "a.toml</h2>\u{1b}[2J".to_owned();
    session.rollout = "<script>alert(1)</script>\u{1b}[2J & \"more\" 'of' it".to_owned();
    session.fleet = "]]><!-- \u{0} \u{202e}evil".to_owned();
    session.cohorts[0].name = "</title></svg><img src=x onerror=alert(1)>".to_owned();
    session.cohorts[1].name = "カナリア店舗の最初の組".to_owned();
    session.marks[1].reasons[0].text = "\u{1b}]0;owned\u{7}\r\nreally".to_owned();
    if let Some(radius) = &mut session.blast_radius {
        radius.cohort = "\u{1b}[31m<b>&amp;".to_owned();
    }
    session
}

pub(crate) fn all() -> Vec<(&'static str, Session)> {
    vec![
        ("empty", empty()),
        ("small", small()),
        ("million", million()),
        ("aborted", aborted()),
        ("blocked", blocked()),
        ("unfinished", unfinished()),
        ("hostile", hostile()),
    ]
}

//! What is said of a session, for a terminal and a page alike.

use std::time::Duration;

use windlass_model::{Reason, Verdict};

use crate::{Basis, BlastRadius, CohortCourse, End, FellBack, Mark, Reads, Session, SignalModel};

use super::{
    figures::{Blast, Figures},
    numbers::{counted, grouped, instant, of_hundred, rounded, span},
};

/// Such as `pos-2.3: 1,000,000 simulated devices`.
pub(super) fn title(session: &Session) -> String {
    let devices = counted(session.devices, "simulated device");
    format!("{}: {devices}", session.rollout)
}

/// The same of one of several sessions: `bold.toml: pos-2.3, 1,000,000 simulated devices`.
pub(super) fn named(session: &Session) -> String {
    let devices = counted(session.devices, "simulated device");
    let configuration = &session.configuration;
    format!("{configuration}: {}, {devices}", session.rollout)
}

/// Where it all came from: `fleet pos, seed 7, from Mon 2026-03-02 09:00 UTC for 30d at most`.
pub(super) fn origin(session: &Session) -> String {
    format!(
        "fleet {}, seed {}, from {} for {} at most",
        session.fleet,
        session.seed,
        instant(session.began),
        span(session.span)
    )
}

/// What tells each of several sessions from the others, and what they have in common.
pub(super) fn key(sessions: &[Session]) -> (Vec<String>, Option<String>) {
    let origins: Vec<_> = sessions.iter().map(origin).collect();
    let common = origins.windows(2).all(|pair| pair[0] == pair[1]);
    let titles = sessions.iter().map(named);
    if common {
        return (titles.collect(), origins.into_iter().next());
    }
    let named = titles.zip(origins);
    let named = named.map(|(title, origin)| format!("{title}; {origin}"));
    (named.collect(), None)
}

/// How it ended, in a word or two.
pub(super) fn end_word(end: &End) -> &'static str {
    match end {
        End::Completed(_) => "completed",
        End::Aborted(_) => "aborted",
        End::RolledBack(_) => "rolled back",
        End::Blocked(..) => "blocked",
        End::Unfinished => "unfinished",
    }
}

/// How it ended and with what, in a sentence without a full stop.
pub(super) fn outcome(session: &Session) -> String {
    let figures = Figures::of(session);
    let devices = grouped(session.devices);
    let started = format!(
        "{} of {} started",
        grouped(figures.started),
        counted(session.devices, "device")
    );
    let stated = session.blast_radius.as_ref();
    let stated = stated.map_or_else(String::new, |radius| grouped(radius.devices));
    let held = match figures.blast {
        Blast::Unstated | Blast::Untried => String::new(),
        Blast::Within => format!(", within the {stated} stated"),
        Blast::Exceeded => format!(", more than the {stated} stated"),
    };
    match &session.end {
        End::Completed(_) if session.devices == 0 => {
            "nothing to do: the filter selects no device".to_owned()
        }
        End::Completed(at) => format!(
            "completed after {}: {} of {devices} updated, {} failed",
            span(*at),
            grouped(figures.updated),
            grouped(figures.failed)
        ),
        End::Aborted(at) => format!("aborted after {} with {started}{held}", span(*at)),
        End::RolledBack(at) => {
            format!(
                "aborted and taken back after {} with {started}{held}",
                span(*at)
            )
        }
        End::Blocked(at, reasons) => {
            let when = if at.is_zero() {
                "blocked at once".to_owned()
            } else {
                format!("blocked after {}", span(*at))
            };
            let why = reasons_text(reasons);
            let why = if why.is_empty() {
                why
            } else {
                format!("; {why}")
            };
            format!("{when} with {started}: only a person can move it on{why}")
        }
        End::Unfinished => format!(
            "still going after {}, with {started} and {} updated",
            span(session.span),
            grouped(figures.updated)
        ),
    }
}

/// The sentences of all reasons.
pub(super) fn reasons_text(reasons: &[Reason]) -> String {
    let texts: Vec<_> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    texts.join("; ")
}

/// A verdict as `decisions` and `events` write it.
pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Continue => "continue",
        Verdict::Hold => "hold",
        Verdict::Pause => "pause",
        Verdict::Abort => "abort",
        Verdict::RollBack => "roll back",
    }
}

/// Why the verdict is as it is.
pub(super) fn mark_text(mark: &Mark) -> String {
    let started = format!("{} started", grouped(mark.started));
    match reasons_text(&mark.reasons) {
        why if why.is_empty() => started,
        why => format!("{started}; {why}"),
    }
}

/// When each share of the devices ran the release.
pub(super) fn shares(session: &Session) -> [(&'static str, Option<Duration>); 3] {
    let updated = session.updated;
    [
        ("50 %", updated.half),
        ("90 %", updated.most),
        ("100 %", updated.all),
    ]
}

/// Facts under their names, each in a sentence without a full stop.
pub(super) fn facts(session: &Session) -> Vec<(&'static str, String)> {
    if session.devices == 0 {
        return Vec::new();
    }
    let mut facts = vec![
        ("updated", times(session)),
        ("starts", starts(session)),
        ("failures", failures(session)),
    ];
    let fell_back = session.harm.fell_back.as_ref().map(fell_back_text);
    facts.extend(fell_back.map(|text| ("fell back", text)));
    facts.push(("blast radius", blast_text(session)));
    facts.push(("decisions", grouped(session.decisions)));
    facts.extend(grounds(session));
    facts
}

/// What a session rests on beside its fleet and seed.
pub(super) fn grounds(session: &Session) -> Vec<(&'static str, String)> {
    let mut grounds = Vec::new();
    if !session.signals.is_empty() {
        let signals: Vec<_> = session.signals.iter().map(signal_text).collect();
        grounds.push(("signals", signals.join("; ")));
    }
    if let Some(basis) = &session.recorded {
        grounds.push(("recorded", recorded_text(basis)));
        grounds.push(("not recorded", unrecorded_text(basis)));
    }
    grounds
}

/// Such as `errors reads 0.01, from 6h on 0.2`.
fn signal_text(signal: &SignalModel) -> String {
    if let Some(rollout) = &signal.recorded {
        return format!(
            "{} reads what it did in {rollout}: {}",
            signal.name,
            series_text(signal)
        );
    }
    let steps = signal.steps.iter().map(|step| {
        let reads = match step.reads {
            Reads::Missing => "nothing".to_owned(),
            Reads::Value {
                base,
                per_harmed: 0.0,
            } => base.to_string(),
            Reads::Value { base, per_harmed } => {
                let sign = if per_harmed < 0.0 { '-' } else { '+' };
                format!("{base} {sign} {}*harmed", per_harmed.abs())
            }
        };
        if step.from.is_zero() {
            reads
        } else {
            format!("from {} on {reads}", span(step.from))
        }
    });
    let steps: Vec<_> = steps.collect();
    let steps = match steps.as_slice() {
        [] => "nothing".to_owned(),
        steps => steps.join(", "),
    };
    format!("{} reads {steps}", signal.name)
}

/// A series that nobody would read value by value.
fn series_text(signal: &SignalModel) -> String {
    let values = || {
        signal.steps.iter().filter_map(|step| match step.reads {
            Reads::Value { base, .. } => Some(base),
            Reads::Missing => None,
        })
    };
    let readings = counted(signal.steps.len() as u64, "reading");
    let last = signal.steps.last().map_or(Duration::ZERO, |step| step.from);
    let within = match (
        values().min_by(f64::total_cmp),
        values().max_by(f64::total_cmp),
    ) {
        (Some(least), Some(most)) if least < most => format!(", from {least} to {most}"),
        (Some(only), _) => format!(", {only}"),
        (None, _) => String::new(),
    };
    let missing = match values().count() {
        0 => ", none with a value",
        some if some < signal.steps.len() => ", some without a value",
        _ => "",
    };
    format!("{readings} within {}{within}{missing}", span(last))
}

/// What past rollouts tell of the fleet.
fn recorded_text(basis: &Basis) -> String {
    let transfer = match basis.transfer {
        Some(transfer) => format!("a transfer takes {}", span(transfer)),
        None => "no transfer was recorded, so each takes what --transfer says".to_owned(),
    };
    format!(
        "{} and {} for a connection, of {}: connected {} of the time, {} of the attempts fail, \
         {transfer}",
        counted(basis.attempts, "attempt"),
        counted(basis.waits, "wait"),
        counted(basis.devices, "device"),
        rounded(basis.online),
        rounded(basis.failing),
    )
}

/// Of how many devices they do not tell what.
fn unrecorded_text(basis: &Basis) -> String {
    let missing = [
        ("never looked at", basis.unseen),
        ("never tried", basis.untried),
        ("never timed", basis.unmeasured),
    ];
    let missing: Vec<_> = missing
        .into_iter()
        .filter(|(_, devices)| *devices > 0)
        .map(|(what, devices)| format!("{what}: {}", counted(devices, "device")))
        .collect();
    match missing.as_slice() {
        [] => "nothing: each device was looked at, tried and timed".to_owned(),
        missing => format!(
            "{}; where nothing is, the fleet's is taken",
            missing.join(", ")
        ),
    }
}

fn times(session: &Session) -> String {
    let shares = shares(session);
    if shares.iter().all(|(_, at)| at.is_none()) {
        let devices = grouped(session.devices);
        return match Figures::of(session).updated {
            0 => format!("none of {devices}"),
            some => format!("{} of {devices}, less than half", grouped(some)),
        };
    }
    let texts = shares.map(|(share, at)| match at {
        Some(at) => format!("{share} after {}", span(at)),
        None => format!("{share} never"),
    });
    texts.join(", ")
}

fn starts(session: &Session) -> String {
    match session.peak_starts {
        0 => "none".to_owned(),
        peak => format!("at most {} within a minute", grouped(peak)),
    }
}

fn failures(session: &Session) -> String {
    let harm = session.harm;
    let failures = match harm.failures {
        0 => "no attempt failed".to_owned(),
        failures => format!("{} failed", counted(failures, "attempt")),
    };
    let harmed = match harm.harmed {
        0 => "no device was harmed".to_owned(),
        1 => "1 device was harmed".to_owned(),
        harmed => format!("{} devices were harmed", grouped(harmed)),
    };
    format!("{failures}; {harmed}")
}

fn fell_back_text(of: &FellBack) -> String {
    let model = format!(
        "{} of those that run the release, {} later",
        of_hundred(of.share),
        span(of.after)
    );
    let found = match (of.found, of.first_found) {
        (found, Some(first)) => {
            let found = match found == of.devices {
                true => "all".to_owned(),
                false => grouped(found),
            };
            let first = span(first);
            format!("verifying again found {found} of them, the first after {first}")
        }
        (_, None) => "verifying again found none of them".to_owned(),
    };
    match of.devices {
        0 => format!("{model}: no device"),
        devices => format!("{model}: {}; {found}", counted(devices, "device")),
    }
}

fn blast_text(session: &Session) -> String {
    let Some(radius) = &session.blast_radius else {
        return "not stated".to_owned();
    };
    let figures = Figures::of(session);
    let happened = match figures.blast {
        Blast::Unstated | Blast::Untried if session.harm.harmed == 0 => {
            let what = match session.harm.fell_back {
                Some(fell_back) if fell_back.devices > 0 => "build that breaks devices",
                Some(_) | None => "bad build",
            };
            format!("; no {what} put it to the test")
        }
        Blast::Unstated | Blast::Untried => "; no abort put it to the test".to_owned(),
        Blast::Within => format!("; {} were started, within it", grouped(figures.started)),
        Blast::Exceeded => format!(
            "; {} were started, MORE than that",
            grouped(figures.started)
        ),
    };
    // A device that is away in a round is left as it is, so no instant is sure to find those.
    let lost = match session.harm.fell_back {
        Some(_) => {
            "; of a build that devices lose again nothing can be stated: those that lost it may be \
             away whenever they are verified again"
        }
        None => "",
    };
    format!("{}{happened}{lost}", stated(radius))
}

fn stated(radius: &BlastRadius) -> String {
    let devices = counted(radius.devices, "device");
    let broken = if radius.rate < 1.0 {
        format!("{} of the devices", of_hundred(radius.rate))
    } else {
        "every device".to_owned()
    };
    match radius.at {
        Some(at) => format!(
            "if the build breaks {broken}, at most {devices} can have started before an abort \
             acts, in cohort {} after {}",
            radius.cohort,
            span(at)
        ),
        None => format!(
            "if the build breaks {broken}, nothing ends this rollout by itself: all {devices}"
        ),
    }
}

/// A cohort in a sentence, where a table has no room.
pub(super) fn cohort_text(cohort: &CohortCourse) -> String {
    let opened = match (cohort.first_started, cohort.ended) {
        (None, _) => "never opened".to_owned(),
        (Some(at), None) => format!("opened after {}", span(at)),
        (Some(at), Some(ended)) => {
            format!("opened after {}, ended after {}", span(at), span(ended))
        }
    };
    format!(
        "{}: {}, {opened}, {} updated, {} failed",
        cohort.name,
        counted(cohort.size, "device"),
        grouped(cohort.succeeded),
        grouped(cohort.failed)
    )
}

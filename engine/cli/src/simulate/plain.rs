use std::{fmt::Write as _, time::Duration};

use windlass_model::{Reason, Verdict};
use windlass_simulate::{BlastRadius, End, Mark, Session};

use crate::render::{count, duration, percent, time};

/// A session in words.
pub fn text(session: &Session) -> String {
    let mut text = format!(
        "{}: {} ({}), watched for {} from {}, seed {}\n",
        session.rollout,
        count(session.devices, "device"),
        session.fleet,
        duration(session.span),
        time(session.began),
        session.seed,
    );
    if let Some(radius) = &session.blast_radius {
        line(
            &mut text,
            "blast radius",
            &blast_radius(radius, session.devices),
        );
    }
    line(&mut text, "end", &end(&session.end));
    let harm = format!(
        "{} broken, {}",
        count(session.harm.harmed, "device"),
        count(session.harm.failures, "failed attempt"),
    );
    line(&mut text, "harm", &harm);
    let updated = format!(
        "half {}, 90 % {}, all {}",
        reached(session.updated.half),
        reached(session.updated.most),
        reached(session.updated.all),
    );
    line(&mut text, "updated", &updated);
    let starts = format!(
        "{} in the busiest minute",
        count(session.peak_starts, "start")
    );
    line(&mut text, "pace", &starts);
    line(&mut text, "policies", &count(session.decisions, "decision"));
    text.push('\n');
    cohorts(&mut text, session);
    text.push('\n');
    // A policy that goes to and fro is told once of each.
    let mut told = Vec::new();
    for mark in &session.marks {
        let codes: Vec<_> = mark
            .reasons
            .iter()
            .map(|reason| (reason.code.as_str(), reason.cohort))
            .collect();
        let is_silent = mark.verdict == Verdict::Continue && codes.is_empty();
        if !is_silent && !told.contains(&(mark.verdict, codes.clone())) {
            marked(&mut text, mark);
            told.push((mark.verdict, codes));
        }
    }
    text
}

fn line(text: &mut String, what: &str, says: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "  {what:<13} {says}").ok();
}

fn blast_radius(radius: &BlastRadius, all: u64) -> String {
    match radius.at {
        Some(at) => format!(
            "at most {} ({} %) can have been started before it stops: in {}, after {}",
            count(radius.devices, "device"),
            percent(radius.devices, all),
            radius.cohort,
            duration(at),
        ),
        None => format!(
            "all {}: nothing is sure to stop it before",
            count(radius.devices, "device")
        ),
    }
}

fn end(end: &End) -> String {
    match end {
        End::Completed(at) => format!("completed after {}", duration(*at)),
        End::Aborted(at) => format!("aborted by a policy after {}", duration(*at)),
        End::RolledBack(at) => {
            format!("aborted and taken back by a policy after {}", duration(*at))
        }
        End::Blocked(at, reasons) => format!(
            "stands still after {} until a person acts: {}",
            duration(*at),
            said(reasons)
        ),
        End::Unfinished => "still going when it was watched no longer".to_owned(),
    }
}

fn reached(at: Option<Duration>) -> String {
    at.map_or_else(
        || "never".to_owned(),
        |at| format!("after {}", duration(at)),
    )
}

fn cohorts(text: &mut String, session: &Session) {
    let widest = session
        .cohorts
        .iter()
        .map(|cohort| cohort.name.chars().count());
    let width = widest.max().unwrap_or(0).max("cohort".len());
    let head = ["devices", "started", "ended", "updated", "failed"];
    let [devices, started, ended, updated, failed] = head;
    writeln!(
        text,
        "  {:<width$} {devices:>10} {started:>10} {ended:>10} {updated:>10} {failed:>10}",
        "cohort"
    )
    .ok();
    let instant = |at: Option<Duration>| at.map_or_else(|| "-".to_owned(), duration);
    for cohort in &session.cohorts {
        writeln!(
            text,
            "  {:<width$} {:>10} {:>10} {:>10} {:>10} {:>10}",
            cohort.name,
            cohort.size,
            instant(cohort.first_started),
            instant(cohort.ended),
            cohort.succeeded,
            cohort.failed,
        )
        .ok();
    }
}

fn marked(text: &mut String, mark: &Mark) {
    let verdict = match mark.verdict {
        Verdict::Continue => "continue",
        Verdict::Hold => "hold",
        Verdict::Pause => "pause",
        Verdict::Abort => "abort",
        Verdict::RollBack => "roll back",
    };
    writeln!(
        text,
        "  {:>8}  {verdict:<9}  {}",
        duration(mark.at),
        said(&mark.reasons)
    )
    .ok();
}

fn said(reasons: &[Reason]) -> String {
    let texts: Vec<_> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    texts.join("; ")
}

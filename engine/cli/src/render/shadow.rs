//! Policies in shadow in words.

use std::path::Path;

use windlass_model::{
    Comparison, Difference, First, PluginName, Reason, ShadowEnd, Stance, StoredRollout, Stretch,
    Verdict,
};
use windlass_store::StoredShadow;

use super::{
    event::verdict_text,
    numbers::{count, duration, percent, time},
};
use crate::{
    control::{Shadowed, ShadowedHow},
    diagnostic::clean,
};

/// Stretches shown; the others are counted, and in the JSON.
const SHOWN: usize = 12;

/// What `check` and `plan` say of a policy in shadow.
pub fn shadow_line(name: &PluginName) -> String {
    format!("in shadow: policy {name}, which is asked and never obeyed")
}

/// What became of a policy in shadow, and what to do next.
pub fn shadowed_text(shadowed: &Shadowed) -> String {
    let Shadowed {
        rollout,
        policy,
        how,
        driven,
    } = shadowed;
    let cohorts = match how {
        ShadowedHow::Removed => {
            return format!("{rollout}: policy {policy} is in shadow no longer; its report stays");
        }
        ShadowedHow::Added { cohorts } => cohorts,
    };
    let charged: Vec<_> = cohorts
        .iter()
        .map(|cohort| {
            let size = count(cohort.size, "device");
            match cohort.started {
                0 => format!("{} {size}", clean(&cohort.name)),
                some => format!("{} {size}, {some} started", clean(&cohort.name)),
            }
        })
        .collect();
    let when = match driven {
        true => "it is asked from now on, and never obeyed",
        false => "nobody runs it now: it is asked when `windlass run` goes on, and never obeyed",
    };
    format!(
        "{rollout}: policy {policy} is in shadow\n  its cohorts: {}\n{when}\n\
         `windlass shadow report --rollout {rollout}` compares it with what is in force",
        charged.join("; ")
    )
}

/// How one policy in shadow compares, for people. `config` is named in what to do next.
pub fn shadow_text(
    rollout: &StoredRollout,
    shadow: &StoredShadow,
    config: Option<&Path>,
) -> String {
    let mut lines = vec![head(rollout, shadow)];
    if let Some(trouble) = &shadow.trouble {
        lines.push(format!(
            "  it could not place the targets, and is asked to by the next `windlass run` or \
             `windlass shadow add`: {}",
            clean(trouble)
        ));
    }
    let cohorts: Vec<_> = shadow
        .cohorts
        .iter()
        .map(|cohort| format!("{} {}", clean(&cohort.name), cohort.size))
        .collect();
    if !cohorts.is_empty() {
        lines.push(format!("  its cohorts: {}", cohorts.join(", ")));
    }
    compared(rollout, shadow, &mut lines);
    failures(&shadow.comparison, &mut lines);
    if shadow.ended.is_none() && !has_ended(rollout) {
        let config = config.map_or("CONFIG".to_owned(), |path| path.display().to_string());
        lines.push(format!(
            "  to put it in force: name {} in `[rollout] policies`, then `windlass swap-policy \
             {config} --dry-run`, and again without `--dry-run`",
            shadow.pin.name
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn has_ended(rollout: &StoredRollout) -> bool {
    rollout.ended_at.is_some()
}

fn head(rollout: &StoredRollout, shadow: &StoredShadow) -> String {
    let name = &shadow.pin.name;
    let of = &rollout.plan.name;
    let since = time(shadow.added_at);
    match shadow.ended {
        None => format!("{of}: policy {name}, in shadow since {since}"),
        Some((at, because)) => {
            let why = match because {
                ShadowEnd::Person => "taken out",
                ShadowEnd::Configuration => "not in the configuration any more",
                ShadowEnd::InForce => "in force since",
            };
            let at = time(at);
            format!("{of}: policy {name}, in shadow from {since} to {at} ({why})")
        }
    }
}

fn compared(rollout: &StoredRollout, shadow: &StoredShadow, lines: &mut Vec<String>) {
    let sum = &shadow.comparison;
    let (Some(since), Some(until)) = (sum.since, sum.until) else {
        lines.push(match (shadow.ended.is_some(), has_ended(rollout)) {
            (true, _) | (_, true) => "  it was compared at no moment".to_owned(),
            (false, false) => "  not compared yet: it is asked with the policies in force, while \
                               somebody runs the rollout; look again then"
                .to_owned(),
        });
        return;
    };
    lines.push(format!(
        "  compared at {}, {} to {}: the same at {} ({} %)",
        count(sum.moments, "moment"),
        time(since),
        time(until),
        sum.agreed,
        percent(sum.agreed, sum.moments)
    ));
    if sum.agreed == sum.moments {
        lines.push("  it would have allowed and said the same".to_owned());
    } else {
        lines.push(format!(
            "  another verdict at {}, another number of starts allowed at {}, of devices in \
             progress at {}",
            sum.verdict_differed, sum.starts_differed, sum.in_progress_differed
        ));
    }
    for first in &sum.shadow_firsts {
        first_lines(first, sum, lines);
    }
    for first in &sum.in_force_firsts {
        if sum
            .shadow_firsts
            .iter()
            .all(|other| other.verdict != first.verdict)
        {
            lines.push(format!(
                "  it would never have {}; in force that was at {}, with {}",
                done(first.verdict),
                time(first.at),
                count(first.started, "device") + " started"
            ));
        }
    }
    let largest = [
        ("starts", &sum.largest_starts, starts as fn(&Stance) -> u64),
        ("devices in progress", &sum.largest_in_progress, in_progress),
    ];
    for (what, difference, of) in largest {
        if let Some(difference) = difference {
            difference_lines(what, difference, of, lines);
        }
    }
    stretch_lines(sum, lines);
}

fn starts(stance: &Stance) -> u64 {
    stance.starts
}

fn in_progress(stance: &Stance) -> u64 {
    stance.in_progress
}

fn done(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Continue => "gone on",
        Verdict::Hold => "held",
        Verdict::Pause => "paused",
        Verdict::Abort => "aborted",
        Verdict::RollBack => "rolled back",
    }
}

fn first_lines(first: &First, sum: &Comparison, lines: &mut Vec<String>) {
    let in_force = sum
        .in_force_firsts
        .iter()
        .find(|other| other.verdict == first.verdict);
    let really = match in_force {
        Some(other) if other.at == first.at => "so did those in force, then".to_owned(),
        Some(other) => format!(
            "those in force did at {}, with {}",
            time(other.at),
            other.started
        ),
        None => format!(
            "those in force never did, and {} started after that",
            count(since(sum, first), "further device")
        ),
    };
    lines.push(format!(
        "  it would first have {} at {}, with {} started; {really}",
        done(first.verdict),
        time(first.at),
        count(first.started, "device"),
    ));
    lines.extend(why(&first.reasons).map(|text| format!("      because {text}")));
}

fn since(sum: &Comparison, first: &First) -> u64 {
    sum.started.saturating_sub(first.started)
}

fn why(reasons: &[Reason]) -> impl Iterator<Item = String> {
    reasons
        .iter()
        .filter(|reason| !reason.text.is_empty())
        .map(|reason| clean(&reason.text))
}

fn difference_lines(
    what: &str,
    difference: &Difference,
    of: fn(&Stance) -> u64,
    lines: &mut Vec<String>,
) {
    let Difference {
        at,
        in_force,
        shadow,
    } = difference;
    lines.push(format!(
        "  largest difference in {what}: {}, at {}",
        of(in_force).abs_diff(of(shadow)),
        time(*at)
    ));
    for (who, stance) in [("in force", in_force), ("in shadow", shadow)] {
        let reasons: Vec<_> = why(&stance.reasons).collect();
        let because = match reasons.is_empty() {
            true => String::new(),
            false => format!(", because {}", reasons.join("; ")),
        };
        lines.push(format!(
            "      {who}: {}, {} allowed{because}",
            verdict_text(stance.verdict),
            of(stance)
        ));
    }
}

fn stretch_lines(sum: &Comparison, lines: &mut Vec<String>) {
    if sum.stretches.is_empty() {
        return;
    }
    lines.push("  the verdicts differed:".to_owned());
    for Stretch {
        from,
        until,
        in_force,
        shadow,
    } in sum.stretches.iter().take(SHOWN)
    {
        let span = match until {
            Some(until) => format!(
                "{} to {} ({})",
                time(*from),
                time(*until),
                duration(until.since(*from))
            ),
            None => format!("from {} on", time(*from)),
        };
        lines.push(format!(
            "      {span}: {} in force, {} in shadow",
            verdict_text(*in_force),
            verdict_text(*shadow)
        ));
    }
    let more = sum.stretches.len().saturating_sub(SHOWN) as u64 + sum.further_stretches;
    if more > 0 {
        lines.push(format!("      and {more} times more"));
    }
}

fn failures(sum: &Comparison, lines: &mut Vec<String>) {
    if let Some(last) = &sum.last_failure {
        lines.push(format!(
            "  {} failed, the last at {}: {}",
            count(sum.failed, "call"),
            time(last.at),
            clean(&last.message)
        ));
        lines.push("      nothing follows from that: it is asked again".to_owned());
    }
}

//! How the answers of a shadow compare with those in force.

use std::time::Duration;

use windlass_model::{
    CallFailure, Comparison, Difference, First, Stance, Stretch, Timestamp, Verdict,
};

use super::{InForce, Shadow};

/// How old a comparison may grow before the store has it; so much of it may be missing after a
/// crash. News are kept at once.
pub(super) const KEPT_EVERY: Duration = Duration::from_secs(60);

impl Shadow {
    /// Both answered to what was known at one moment.
    pub(super) fn compare(
        &mut self,
        now: Timestamp,
        at: Timestamp,
        in_force: Stance,
        shadow: Stance,
    ) {
        let news = note(&mut self.comparison, at, self.started, in_force, shadow);
        self.is_unkept(now, news);
    }

    pub(super) fn failed(&mut self, now: Timestamp, at: Timestamp, message: String) {
        self.in_force = InForce::Silent;
        self.said = None;
        self.comparison.failed += 1;
        let before = self
            .comparison
            .last_failure
            .replace(CallFailure { at, message });
        let another = before.map(|failure| failure.message)
            != self
                .comparison
                .last_failure
                .as_ref()
                .map(|failure| failure.message.clone());
        self.is_unkept(now, another);
    }

    /// News are as overdue as can be.
    fn is_unkept(&mut self, now: Timestamp, news: bool) {
        let since = if news { now.minus(KEPT_EVERY) } else { now };
        self.unkept = Some(self.unkept.map_or(since, |before| before.min(since)));
    }
}

/// Adds a moment. Whether it holds something that a person would want to know at once.
fn note(
    sum: &mut Comparison,
    at: Timestamp,
    started: u64,
    in_force: Stance,
    shadow: Stance,
) -> bool {
    sum.moments += 1;
    sum.since.get_or_insert(at);
    sum.until = Some(at);
    sum.started = started;
    let same_verdict = in_force.verdict == shadow.verdict;
    let same_starts = in_force.starts == shadow.starts;
    let same_progress = in_force.in_progress == shadow.in_progress;
    sum.verdict_differed += u64::from(!same_verdict);
    sum.starts_differed += u64::from(!same_starts);
    sum.in_progress_differed += u64::from(!same_progress);
    sum.agreed += u64::from(same_verdict && same_starts && same_progress);
    let mut news = stretch(sum, at, in_force.verdict, shadow.verdict);
    news |= first(&mut sum.in_force_firsts, at, started, &in_force);
    news |= first(&mut sum.shadow_firsts, at, started, &shadow);
    let difference = Difference {
        at,
        in_force,
        shadow,
    };
    enlarge(&mut sum.largest_starts, &difference, |stance| stance.starts);
    enlarge(&mut sum.largest_in_progress, &difference, |stance| {
        stance.in_progress
    });
    news
}

/// Goes on with the stretch under way, or ends it and begins another.
fn stretch(sum: &mut Comparison, at: Timestamp, in_force: Verdict, shadow: Verdict) -> bool {
    let pair = (in_force, shadow);
    let open = sum.stretches.last_mut().filter(|last| last.until.is_none());
    let mut news = false;
    if let Some(open) = open {
        if (open.in_force, open.shadow) == pair {
            return false;
        }
        open.until = Some(at);
        news = true;
    }
    let beyond = sum.beyond.take();
    if in_force != shadow {
        if sum.stretches.len() == Comparison::STRETCHES_MAX {
            sum.further_stretches += u64::from(beyond != Some(pair));
            sum.beyond = Some(pair);
        } else {
            news = true;
            sum.stretches.push(Stretch {
                from: at,
                until: None,
                in_force,
                shadow,
            });
        }
    }
    news
}

fn first(firsts: &mut Vec<First>, at: Timestamp, started: u64, stance: &Stance) -> bool {
    let known = firsts.iter().any(|first| first.verdict == stance.verdict);
    if stance.verdict == Verdict::Continue || known {
        return false;
    }
    firsts.push(First {
        verdict: stance.verdict,
        at,
        started,
        reasons: stance.reasons.clone(),
    });
    firsts.sort_by_key(|first| first.verdict);
    true
}

fn enlarge(largest: &mut Option<Difference>, new: &Difference, of: fn(&Stance) -> u64) {
    let size = |one: &Difference| of(&one.in_force).abs_diff(of(&one.shadow));
    let before = largest.as_ref().map_or(0, size);
    if size(new) > before {
        *largest = Some(new.clone());
    }
}

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use windlass_model::{CohortView, RolloutState, StateKind};
use windlass_runtime::progress::Progress;

use super::numbers::{bytes, duration, rate};

/// Width of a bar, so that a line with its numbers fits 80 columns.
const BAR_WIDTH: usize = 26;
/// Longest cohort name shown in full.
const NAME_WIDTH: usize = 14;
/// Redraws a second: smooth, and light on slow terminals.
const FRAMES: u8 = 12;

/// A bar per cohort and a line about the whole, redrawn in place.
pub struct Bars {
    multi: MultiProgress,
    cohorts: Vec<ProgressBar>,
    status: ProgressBar,
}

impl Bars {
    /// Bars on standard error, so that standard output stays clean.
    pub fn new() -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(FRAMES));
        let status = multi.add(ProgressBar::no_length());
        status.set_style(style("{spinner:.cyan} {msg}"));
        status.enable_steady_tick(Duration::from_millis(120));
        Self {
            multi,
            cohorts: Vec::new(),
            status,
        }
    }

    /// Redraws.
    pub fn update(&mut self, progress: &Progress) {
        while self.cohorts.len() < progress.cohorts.len() {
            let cohort = &progress.cohorts[self.cohorts.len()];
            let bar = ProgressBar::new(cohort.size).with_prefix(shortened(&cohort.name));
            bar.set_style(
                style(&format!(
                    "  {{prefix:{NAME_WIDTH}}} {{bar:{BAR_WIDTH}.green/black.bright}} {{msg}}"
                ))
                .progress_chars("━╸─"),
            );
            self.cohorts
                .push(self.multi.insert_before(&self.status, bar));
        }
        for (bar, cohort) in self.cohorts.iter().zip(&progress.cohorts) {
            bar.set_position(cohort.ended);
            bar.set_message(cohort_text(cohort));
        }
        self.status.set_message(status_text(progress));
    }

    /// Writes a line above the bars.
    pub fn note(&self, text: &str) {
        // Without a terminal there are no bars, and nothing to write above.
        self.multi.println(text).ok();
    }

    /// Leaves the bars as they are, without the line about the whole.
    pub fn finish(self) {
        self.status.finish_and_clear();
        for bar in self.cohorts {
            bar.abandon();
        }
    }
}

impl Default for Bars {
    fn default() -> Self {
        Self::new()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_WIDTH {
        return name.to_owned();
    }
    name.chars().take(NAME_WIDTH - 1).chain(['…']).collect()
}

fn cohort_text(cohort: &CohortView) -> String {
    let mut text = format!("{:>6}/{}", cohort.ended, cohort.size);
    let failed: u64 = [
        StateKind::Failed,
        StateKind::Rejected,
        StateKind::DeadLettered,
    ]
    .iter()
    .map(|kind| cohort.states.get(*kind))
    .sum();
    let deferred = cohort.states.get(StateKind::Deferred);
    if failed > 0 {
        text.push_str(&format!("  \x1b[31m{failed} failed\x1b[0m"));
    }
    if deferred > 0 {
        text.push_str(&format!("  \x1b[33m{deferred} offline\x1b[0m"));
    }
    text
}

/// Such as `42 in flight · 1.2 GiB sent · 480 MiB/s · 4.2s left`.
pub(super) fn status_text(progress: &Progress) -> String {
    let mut parts = Vec::new();
    match progress.state {
        RolloutState::Draft | RolloutState::Running => {}
        RolloutState::Holding => parts.push("holding".to_owned()),
        RolloutState::Paused => parts.push("paused".to_owned()),
        RolloutState::Aborting => parts.push("aborting".to_owned()),
        RolloutState::Aborted | RolloutState::Completed => parts.push("done".to_owned()),
    }
    parts.push(format!("{} in flight", progress.in_flight));
    parts.push(format!("{} sent", bytes(progress.bytes_sent)));
    parts.push(rate(progress.bytes_per_second));
    if let Some(eta) = progress.eta {
        parts.push(format!("{} left", duration(eta)));
    }
    if let Some(reason) = progress.waiting_for.first() {
        parts.push(reason.clone());
    }
    parts.join(" · ")
}

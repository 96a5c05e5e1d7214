use windlass_sdk::Problem;

use super::Bound;
use super::check::Check;
use crate::settings::CohortSettings;
use crate::share::Share;

/// What earlier cohorts said of their ends.
#[derive(Default)]
pub(super) struct Before {
    percent: Option<f64>,
    count: Option<u64>,
}

impl Check {
    pub(super) fn bound(
        &mut self,
        at: &str,
        cohort: &CohortSettings,
        before: &mut Before,
        last: bool,
    ) -> Bound {
        let rest = Bound::Share(Share::WHOLE);
        match (cohort.percent, cohort.count) {
            (Some(_), Some(_)) => {
                self.report(
                    format!("{at}/count"),
                    "a cohort has a percent or a count, not both",
                );
                rest
            }
            (None, None) if last => rest,
            (None, None) => {
                let problem = Problem::setting(
                    at,
                    format!("cohort `{}` says neither percent nor count", cohort.name),
                );
                self.problems
                    .push(problem.hint("only the last cohort may leave its size open"));
                rest
            }
            (Some(percent), None) => self.percent(&format!("{at}/percent"), percent, before, last),
            (None, Some(_)) if last => {
                let problem = Problem::setting(
                    format!("{at}/count"),
                    "the last cohort holds all devices that are left",
                );
                self.problems
                    .push(problem.hint("leave out count, or write percent = 100"));
                rest
            }
            (None, Some(count)) => {
                if let Some(earlier) = before.count.filter(|earlier| count <= *earlier) {
                    self.report(
                        format!("{at}/count"),
                        format!("count must rise: {count} comes after {earlier}"),
                    );
                } else if count == 0 {
                    self.report(format!("{at}/count"), "count must be at least 1");
                }
                before.count = Some(count);
                Bound::Count(count)
            }
        }
    }

    fn percent(&mut self, at: &str, percent: f64, before: &mut Before, last: bool) -> Bound {
        let share = Share::of_percent(percent).filter(|share| *share > Share::NOTHING);
        if let Some(earlier) = before.percent.filter(|earlier| percent <= *earlier) {
            let problem = Problem::setting(
                at,
                format!("percent must rise: {percent} comes after {earlier}"),
            );
            self.problems
                .push(problem.hint("percentages are cumulative, counted from the first cohort on"));
        } else if share.is_none() {
            self.report(
                at,
                format!("percent must be above 0 and at most 100, not {percent}"),
            );
        } else if last && share != Some(Share::WHOLE) {
            let problem = Problem::setting(
                at,
                format!("the last cohort ends at 100 percent, not at {percent}"),
            );
            self.problems
                .push(problem.hint("write percent = 100, or leave it out"));
        }
        before.percent = Some(percent);
        Bound::Share(share.unwrap_or(Share::WHOLE))
    }
}

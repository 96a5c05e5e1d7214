//! Whether something can start between the first and the last date.

use super::{Check, freezes::some_zone};
use crate::{
    calendar::Calendar,
    plan::{Plan, Rest, Zone},
    settings::{CarryOver, Settings},
};

/// A year of nights. Every zone counts its windows when it is first met.
const MAX_COUNTED: u32 = 366;

impl Check {
    pub(super) fn rest(&mut self, settings: &Settings) -> Rest {
        let windows = settings.max_windows.unwrap_or(1);
        if !(1..=MAX_COUNTED).contains(&windows) {
            self.report(
                "/max_windows",
                format!("{windows} windows cannot be counted, only 1 to {MAX_COUNTED}"),
                "not_after says better when a long schedule is over",
            );
        }
        let rest = match settings.carry_over {
            CarryOver::NextWindow => {
                if settings.max_windows.is_some() {
                    self.report(
                        "/max_windows",
                        "after the last window devices cannot wait for the next one",
                        "write carry_over = \"stop\" or carry_over = \"on-connect\"",
                    );
                }
                return Rest::NextWindow;
            }
            CarryOver::Stop => Rest::Stop { windows },
            CarryOver::OnConnect => Rest::OnConnect { windows },
        };
        if settings.windows.is_none() {
            self.report(
                "/carry_over",
                "there is no window after which something could be carried over",
                "set windows, or leave out carry_over",
            );
        } else if settings.not_before.is_none() {
            self.report(
                "/carry_over",
                "windows are counted from not_before on, which is not set",
                "write not_before = \"2026-12-18\", the date of the first window",
            );
        }
        rest
    }

    /// What can only be seen of the whole.
    pub(super) fn schedule(&mut self, plan: &Plan) {
        let zone = some_zone(Some(&plan.zone));
        if let (Some(first), Some(last)) = (plan.not_before, plan.not_after)
            && last.ends(&zone) <= first.begins(&zone)
        {
            self.report(
                "/not_after",
                "not_after is before not_before",
                "write a later date",
            );
            return;
        }
        let calendar = Calendar::new(plan, zone);
        if plan.rest.windows().is_some() && !calendar.counts() {
            self.report(
                "/carry_over",
                "the windows leave no gap between them, so the last one never ends",
                "leave out carry_over, and set not_after if the schedule is to end",
            );
            return;
        }
        // Where devices go by their own clocks, it is never too late everywhere.
        if let Zone::Of(_) = plan.zone
            && plan.not_before.is_some()
            && calendar.opening(plan, 0, 1).is_none()
        {
            self.report(
                if plan.not_after.is_some() {
                    "/not_after"
                } else {
                    "/not_before"
                },
                "no window opens between not_before and not_after, so nothing could ever start",
                "look at the windows and the freezes between them",
            );
        }
    }
}

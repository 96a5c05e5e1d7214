//! Whether windows open and close.

use windlass_sdk::{Milliseconds, settings::Period};

use super::Check;
use crate::{
    cron::{Cron, Malformed},
    range::{Range, TimeOfDay},
    settings::WindowSettings,
    span::Window,
};

/// Each is looked at for every zone of a page of devices.
const MAX_WINDOWS: usize = 64;

/// An expression is a parameter of every reason.
const MAX_CRON: usize = 256;

/// A window that is longer is no window; a freeze says better when nothing may start.
const MAX_DURATION: Milliseconds = 366 * 24 * 60 * 60 * 1000;

const EXAMPLES: &str =
    "such as { cron = \"0 2 * * SUN\", duration = \"2h\" } or { from = \"02:00\", to = \"04:00\" }";

impl Check {
    pub(super) fn windows(&mut self, windows: Option<&[WindowSettings]>) -> Vec<Window> {
        match windows {
            Some([]) => {
                self.report(
                    "/windows",
                    "no window is listed, so nothing could ever start",
                    "leave out windows if devices may start at any time",
                );
                Vec::new()
            }
            Some(windows) if windows.len() > MAX_WINDOWS => {
                self.report(
                    "/windows",
                    format!(
                        "{} windows, and at most {MAX_WINDOWS} are allowed",
                        windows.len()
                    ),
                    "join them: days and cron fields take lists",
                );
                Vec::new()
            }
            Some(windows) => windows
                .iter()
                .enumerate()
                .filter_map(|(index, window)| self.window(&format!("/windows/{index}"), window))
                .collect(),
            None => Vec::new(),
        }
    }

    fn window(&mut self, at: &str, window: &WindowSettings) -> Option<Window> {
        let ranged = window.days.is_some() || window.from.is_some() || window.to.is_some();
        let crons = window.cron.is_some() || window.duration.is_some();
        if ranged && crons {
            self.report(
                at,
                "a window has cron and duration, or days, from and to, and not both",
                EXAMPLES,
            );
            return None;
        }
        match (&window.cron, window.duration, &window.from, &window.to) {
            (Some(cron), Some(duration), ..) => self
                .cron(at, cron, duration.millis())
                .map(|cron| Window::Cron(Box::new(cron))),
            (Some(_), None, ..) => {
                self.report(at, "a window of cron needs a duration", EXAMPLES);
                None
            }
            (None, _, Some(from), Some(to)) => self.range(at, window, from, to).map(Window::Range),
            (None, _, Some(_), None) => {
                self.report(at, "the window says not when it ends", EXAMPLES);
                None
            }
            (None, ..) => {
                self.report(at, "the window says not when it begins", EXAMPLES);
                None
            }
        }
    }

    fn cron(&mut self, at: &str, text: &str, duration: Milliseconds) -> Option<Cron> {
        if duration == 0 || duration > MAX_DURATION {
            self.report(
                format!("{at}/duration"),
                "a window lasts longer than nothing, and at most 366 days",
                "such as duration = \"2h\"",
            );
            return None;
        }
        let at = format!("{at}/cron");
        if text.len() > MAX_CRON {
            self.report(
                at,
                format!(
                    "an expression has at most {MAX_CRON} bytes, and this one has {}",
                    text.len()
                ),
                "write several windows",
            );
            return None;
        }
        let fields = "five fields: minute, hour, day of month, month and day of week, such as \"0 2 * * SUN\"";
        match Cron::read(text, duration) {
            Ok(cron) => return Some(cron),
            Err(Malformed::Fields(count)) => {
                self.report(at, format!("`{text}` has {count} fields, not 5"), fields);
            }
            Err(Malformed::Syntax(cause)) => {
                let cause = cause.trim_end_matches('.');
                self.report(
                    at,
                    format!("`{text}` is no cron expression: {cause}"),
                    fields,
                );
            }
            Err(Malformed::NeverFires) => self.report(
                at,
                format!("`{text}` names no day that exists"),
                "look at the day and the month: there is no 30 February",
            ),
        }
        None
    }

    fn range(&mut self, at: &str, window: &WindowSettings, from: &str, to: &str) -> Option<Range> {
        let days = window.days.clone();
        if days.as_ref().is_some_and(Vec::is_empty) {
            self.report(
                format!("{at}/days"),
                "no day is listed, so the window never opens",
                "leave out days if it opens every day",
            );
            return None;
        }
        let begins = self.time_of_day(format!("{at}/from"), from);
        let ends = self.time_of_day(format!("{at}/to"), to);
        let (begins, ends) = (begins?, ends?);
        let TimeOfDay::At(begins) = begins else {
            self.report(
                format!("{at}/from"),
                "a day ends at 24:00, and nothing begins then",
                "write from = \"00:00\", and the day after",
            );
            return None;
        };
        let range = Range::new(days.unwrap_or_default(), begins, ends);
        if range.is_none() {
            self.report(
                format!("{at}/to"),
                "the window ends when it begins",
                "a whole day is from = \"00:00\", to = \"24:00\"",
            );
        }
        range
    }

    fn time_of_day(&mut self, at: String, text: &str) -> Option<TimeOfDay> {
        let time = TimeOfDay::read(text);
        if time.is_none() {
            self.report(
                at,
                format!("`{text}` is no time of day"),
                "hours and minutes of 24 hours, such as \"02:00\" or \"22:30\"",
            );
        }
        time
    }

    /// In milliseconds.
    pub(super) fn last_start(
        &mut self,
        last_start: Option<Period>,
        windows: &[Window],
    ) -> Milliseconds {
        let last_start = last_start.map_or(0, Period::millis);
        let shortest = windows.iter().min_by_key(|window| window.duration());
        if let Some(window) = shortest.filter(|window| window.duration() <= last_start) {
            self.report(
                "/last_start",
                format!(
                    "the window `{}` is no longer than that, so nothing could start in it",
                    window.label()
                ),
                "write a shorter last_start, or a longer window",
            );
        }
        last_start
    }
}

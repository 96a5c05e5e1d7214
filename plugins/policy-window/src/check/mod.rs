//! From the settings to a plan, or every reason why not.

mod freezes;
mod schedule;
mod windows;

use windlass_sdk::Problem;

use crate::{
    moment::Moment,
    plan::{Plan, Zone},
    settings::Settings,
    zone,
};

/// What `zone` is when every device goes by its own.
const DEVICE: &str = "device";
/// What `without_zone` is when devices without one are skipped.
const SKIP: &str = "skip";

/// Checks everything that the schema cannot.
pub(crate) fn check(settings: &Settings) -> Result<Plan, Vec<Problem>> {
    let mut check = Check::default();
    check.says_something(settings);
    let zone = check.zone(settings);
    let windows = check.windows(settings.windows.as_deref());
    let last_start = check.last_start(settings.last_start, &windows);
    let not_before = check.moment("/not_before", settings.not_before.as_deref());
    let not_after = check.moment("/not_after", settings.not_after.as_deref());
    let freezes = check.freezes(&settings.freezes, zone.as_ref());
    let rest = check.rest(settings);
    let plan = zone.map(|zone| Plan {
        zone,
        windows,
        last_start,
        not_before,
        not_after,
        freezes,
        rest,
    });
    match plan {
        Some(plan) if check.problems.is_empty() => {
            check.schedule(&plan);
            if check.problems.is_empty() {
                Ok(plan)
            } else {
                Err(check.problems)
            }
        }
        Some(_) | None => Err(check.problems),
    }
}

/// Collects problems.
#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn says_something(&mut self, settings: &Settings) {
        let nothing = settings.windows.is_none()
            && settings.freezes.is_empty()
            && settings.not_before.is_none()
            && settings.not_after.is_none();
        if nothing {
            let problem = Problem::settings(
                "there is no window, no freeze and no date, so everything starts at any time",
            );
            self.problems.push(
                problem
                    .hint("set windows, such as windows = [{ from = \"02:00\", to = \"04:00\" }]"),
            );
        }
    }

    /// None if it is unknown, which is reported.
    fn zone(&mut self, settings: &Settings) -> Option<Zone> {
        let without = settings.without_zone.as_deref();
        match (settings.zone.as_str(), without) {
            (DEVICE, None) => {
                let problem =
                    Problem::setting("/zone", "devices without a time zone are not provided for");
                self.problems.push(problem.hint(format!(
                    "write without_zone = \"{SKIP}\", or the zone that they are to be taken to be in"
                )));
                None
            }
            (DEVICE, Some(SKIP)) => Some(Zone::Device { without: None }),
            (DEVICE, Some(name)) => {
                let without = self.named_zone("/without_zone", name);
                without.map(|zone| Zone::Device {
                    without: Some(zone),
                })
            }
            (name, without) => {
                if without.is_some() {
                    let problem = Problem::setting(
                        "/without_zone",
                        "the time zones of devices are not looked at, as zone names one for all",
                    );
                    self.problems
                        .push(problem.hint("write zone = \"device\", or leave out without_zone"));
                }
                self.named_zone("/zone", name).map(Zone::Of)
            }
        }
    }

    fn named_zone(&mut self, at: &str, name: &str) -> Option<jiff::tz::TimeZone> {
        let found = zone::find(name);
        if found.is_none() {
            let problem = Problem::setting(at, format!("`{name}` is no time zone"));
            let hint = match zone::nearest(name) {
                Some(nearest) => format!("write \"{nearest}\""),
                None => "write an IANA name, such as \"Europe/Berlin\"".to_owned(),
            };
            self.problems.push(problem.hint(hint));
        }
        found
    }

    fn moment(&mut self, at: &str, text: Option<&str>) -> Option<Moment> {
        let text = text?;
        let moment = Moment::read(text);
        if moment.is_none() {
            let problem = Problem::setting(
                at,
                format!("`{text}` is neither a date nor a date and time"),
            );
            self.problems.push(problem.hint(
                "such as \"2026-12-18\", \"2026-12-18T08:00\" or \"2026-12-18T08:00+01:00\"",
            ));
        }
        moment
    }

    fn report(
        &mut self,
        at: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.problems.push(Problem::setting(at, message).hint(hint));
    }
}

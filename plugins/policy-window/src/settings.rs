//! The settings as the operator writes them.

use windlass_sdk::prelude::*;
use windlass_sdk::settings::Period;

/// At least one of `windows`, `freezes`, `not_before` and `not_after` is set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct Settings {
    /// Where windows, dates and times without an offset are read: an IANA time zone
    /// such as `Europe/Berlin`, or `device` for the zone of each device.
    pub zone: String,
    /// What becomes of devices without a known time zone, if `zone` is `device`: an IANA
    /// time zone that they are taken to be in, or `skip`.
    pub without_zone: Option<String>,
    /// When devices may start. Without it: at any time that nothing else forbids.
    pub windows: Option<Vec<WindowSettings>>,
    /// How long before a window's end, or a freeze, the last device may start.
    pub last_start: Option<Period>,
    /// When the first device may start: a date, a date and time, or an instant.
    pub not_before: Option<String>,
    /// When nothing starts any more and devices that are left are skipped: the last date,
    /// or the date and time or instant from which on.
    pub not_after: Option<String>,
    /// Spans of time in which nothing starts.
    #[serde(default)]
    pub freezes: Vec<FreezeSettings>,
    /// What becomes of devices that were not started when a window ends.
    #[serde(default)]
    pub carry_over: CarryOver,
    /// After how many windows from `not_before` on `carry_over` is `stop` or `on-connect`; 1
    /// unless it is set.
    pub max_windows: Option<u32>,
}

/// A window that recurs: either `cron` and `duration`, or `from` and `to`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct WindowSettings {
    /// When the window begins: minute, hour, day of month, month and day of week.
    pub cron: Option<String>,
    /// How long a window that begins by `cron` lasts.
    pub duration: Option<Period>,
    /// The days on which a window of `from` and `to` begins; every day without it.
    pub days: Option<Vec<Day>>,
    /// The time of day at which the window begins, such as `02:00`.
    pub from: Option<String>,
    /// The time of day at which it ends, up to `24:00`. On the next day, if that is
    /// earlier than `from`.
    pub to: Option<String>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A span of time in which nothing starts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct FreezeSettings {
    /// The first date, or the date and time or instant from which on.
    pub from: String,
    /// The last date, or the date and time or instant at which it ends.
    pub to: String,
    /// Shown with every device that it holds back.
    pub reason: Option<String>,
    /// An IANA time zone, instead of the policy's `zone`.
    pub zone: Option<String>,
}

/// What becomes of devices that were not started in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum CarryOver {
    /// They wait for the next one.
    #[default]
    NextWindow,
    /// After the last window they are skipped.
    Stop,
    /// After the last window they start whenever they are connected.
    OnConnect,
}

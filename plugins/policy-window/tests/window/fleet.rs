//! Devices that ask when they may start.

use jiff::{Timestamp as Instant, tz::TimeZoneDatabase};
use windlass_sdk::{
    Admission, Attribute, Candidate, Connectivity, Device, Policy, Problem, Timestamp, Value, View,
    settings, testing,
};

use super::Windows;

pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

pub(crate) fn try_open(settings: &str) -> Result<Windows, Vec<Problem>> {
    Windows::open(settings::parse(settings)?)
}

pub(crate) fn open(settings: &str) -> Windows {
    try_open(settings).unwrap_or_else(|problems| panic!("{settings}: {problems:?}"))
}

/// An instant with its offset, such as `2026-10-25T02:30+02:00`.
pub(crate) fn at(text: &str) -> Timestamp {
    let instant: Instant = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    Timestamp::try_from(instant.as_millisecond()).expect("it is after 1970")
}

/// A device that says it is in this zone.
pub(crate) fn candidate(zone: Option<&str>, status: Connectivity) -> Candidate {
    Candidate {
        device: Device {
            id: "d".into(),
            name: String::new(),
            address: String::new(),
            kind: None,
            version: None,
            status,
            location: None,
            timezone: zone.map(str::to_owned),
            tags: vec![],
            attributes: vec![],
            last_seen: None,
        },
        cohort: 0,
        attempts: 0,
        last_failure: None,
        first_seen: None,
    }
}

/// What the policy says of a device in this zone.
pub(crate) fn ask(policy: &Windows, zone: &str, now: Timestamp) -> Admission {
    policy.admit(now, &candidate(Some(zone), Connectivity::Unknown))
}

/// Whether a device in this zone may start, connected or not.
pub(crate) fn may_start(policy: &Windows, zone: &str, now: Timestamp) -> bool {
    let admission = ask(policy, zone, now);
    !admission.never && admission.not_before.is_none() && !admission.needs_connection
}

/// The reason's code, or `now`.
pub(crate) fn code(admission: &Admission) -> &str {
    admission
        .reason
        .as_ref()
        .map_or("now", |reason| reason.code.as_str())
}

/// The reason's parameter of this name.
pub(crate) fn parameter<'a>(admission: &'a Admission, name: &str) -> Option<&'a Value> {
    let parameters: &[Attribute] = &admission.reason.as_ref()?.parameters;
    let found = parameters.iter().find(|parameter| parameter.name == name)?;
    Some(&found.value)
}

/// When devices of a zone may start between two instants, found by asking every minute: as
/// that zone's clock and offset show it, the first minute and the first one after.
pub(crate) fn spans(policy: &Windows, zone: &str, from: &str, to: &str) -> Vec<String> {
    let (from, to) = (at(from), at(to));
    let minutes: Vec<bool> = (from..=to)
        .step_by(MINUTE as usize)
        .map(|now| may_start(policy, zone, now))
        .collect();
    let mut turns = Vec::new();
    let mut before = false;
    for (index, may) in minutes.iter().enumerate() {
        if *may != before {
            turns.push(show(zone, from + index as u64 * MINUTE));
        }
        before = *may;
    }
    if before {
        turns.push("...".to_owned());
    }
    turns
        .chunks(2)
        .map(|turns| format!("{} - {}", turns[0], turns[1]))
        .collect()
}

fn show(zone: &str, instant: Timestamp) -> String {
    let zone = TimeZoneDatabase::bundled().get(zone).expect("it is a zone");
    let instant = Instant::from_millisecond(instant as i64).expect("it is an instant");
    instant.to_zoned(zone).strftime("%d %H:%M%:z").to_string()
}

/// A rollout of one cohort of 10 devices of which none was started.
pub(crate) fn view(now: Timestamp) -> View {
    testing::view(now, [("all", 10)])
}

//! Why a device may not start, for programs and for people.
//!
//! No reason names a device or the present instant, so that those of thousands of devices
//! are the same, and are kept once.

use jiff::tz::TimeZone;
use windlass_sdk::{Attribute, Reason, Timestamp, Value};

use crate::{
    calendar::{Calendar, Closed, Opening},
    clock,
    plan::Plan,
    zone,
};

pub(crate) fn closed(plan: &Plan, calendar: &Calendar, now: Timestamp, next: &Opening) -> Reason {
    let at = &calendar.zone;
    let opens = show(at, next.from);
    let mut parameters = vec![
        count("opens_at", next.from),
        Attribute::new("zone", zone::name(at)),
    ];
    match calendar.closed(plan, now) {
        Closed::NotYet => {
            let text = format!("it is scheduled for {opens}");
            reason("not-scheduled-yet", parameters, text)
        }
        Closed::Frozen(index) => {
            let why = plan.freezes.get(index).and_then(|it| it.reason.as_deref());
            let text = match why {
                Some(why) => format!("updates are frozen until {opens}: {why}"),
                None => format!("updates are frozen until {opens}"),
            };
            parameters.extend(why.map(|why| Attribute::new("freeze", why)));
            reason("frozen", parameters, text)
        }
        Closed::Window => {
            let window = next.window.and_then(|index| plan.windows.get(index));
            let text = match window.map(|window| window.label()) {
                Some(label) => {
                    let text = format!("the window `{label}` opens at {opens}");
                    parameters.push(Attribute::new("window", label));
                    text
                }
                None => format!(
                    "the last window is over, and devices that connect start from {opens} on"
                ),
            };
            reason("window-closed", parameters, text)
        }
    }
}

/// The device's zone is not known.
pub(crate) fn no_zone(named: Option<&str>) -> Reason {
    let parameters = named.map(|named| Attribute::new("zone", named));
    let text = match named {
        Some(named) => format!("the device's time zone `{named}` is unknown"),
        None => "the device has no time zone".to_owned(),
    };
    reason("no-zone", parameters.into_iter().collect(), text)
}

/// Nothing starts any more.
pub(crate) fn over(zone: &TimeZone) -> Reason {
    let parameters = vec![Attribute::new("zone", zone::name(zone))];
    let text = "the last window is over".to_owned();
    reason("schedule-over", parameters, text)
}

/// It starts when it connects.
pub(crate) fn on_connect() -> Reason {
    let text = "the last window is over, and the device starts when it connects".to_owned();
    reason("waits-for-connection", Vec::new(), text)
}

fn reason(code: &str, mut parameters: Vec<Attribute>, text: String) -> Reason {
    parameters.sort_by(|one, other| one.name.cmp(&other.name));
    Reason {
        code: code.to_owned(),
        cohort: None,
        parameters,
        text,
    }
}

fn count(name: &str, number: u64) -> Attribute {
    Attribute::new(
        name,
        Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)),
    )
}

/// As the zone's clock shows it.
fn show(at: &TimeZone, instant: Timestamp) -> String {
    let shown = clock::shown(at, instant);
    let (hour, minute) = (shown.hour(), shown.minute());
    format!(
        "{} {hour:02}:{minute:02} in {}",
        shown.date(),
        zone::name(at)
    )
}

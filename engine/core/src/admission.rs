//! What may become of a device whose turn has come. Asked when it is paged and not
//! kept: what is known of a device may change at any time.

use std::{collections::BTreeMap, hash::Hasher, time::Duration};

use siphasher::sip::SipHasher24;
use windlass_model::{
    Admission, Connection, Connectivity, Device, Hold, HoldKind, OfflineDevices, Reason, Release,
    Rival, RolloutKey, RolloutSettings, SkipReason, Timestamp, Value,
};

use crate::{
    Gate,
    rivals::{self, Precedence},
    version::{Relation, relate},
};

/// The codes of reasons that tell the rollout what a device waits for.
pub mod code {
    /// A person's hold; with the parameter `until` if it lapses by itself.
    pub const HOLD: &str = "hold";
    /// A person keeps the device on another version; like [`HOLD`].
    pub const PINNED: &str = "pinned";
    /// Another rollout comes first; with the parameter `standing` if that does not run.
    pub const OTHER_ROLLOUT: &str = "other-rollout";
    /// A plugin could not judge the device; the parameter [`PLUGIN`] names it.
    pub const PLUGIN_FAILED: &str = "plugin-failed";
    /// The delivery keeps failing by its own fault.
    pub const PLUGIN_FAULTS: &str = "plugin-faults";
    /// A parameter: a plugin as it is configured.
    pub const PLUGIN: &str = "plugin";
    /// The device's group has no room.
    pub const GROUP_CAP: &str = "group-cap";
    /// The device may run the release by an attempt whose outcome was lost, and must say
    /// so first.
    pub const UNSETTLED: &str = "unsettled";
}

/// How long the look at a device holds: its version, its connection and what the policies
/// said of it change.
pub const GATE_HOLDS: Duration = Duration::from_secs(60);
/// How soon a device on hold is looked at again, whoever forgot to say that it was lifted.
pub const HOLD_RECHECK: Duration = Duration::from_secs(60);
/// How soon a device is looked at again for which another rollout comes first.
pub const RIVAL_RECHECK: Duration = Duration::from_secs(15);

/// What is known about one device just now.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// The device.
    pub device: &'a Device,
    /// The rollout's release.
    pub release: &'a Release,
    /// The rollout's rules.
    pub settings: &'a RolloutSettings,
    /// The filter's answer.
    pub matches: bool,
    /// The policies' answers, [combined](combine).
    pub admission: Admission,
    /// All holds in force.
    pub holds: &'a [Hold],
    /// This device's assignments in other rollouts.
    pub rivals: &'a [Rival],
    /// The rollouts that an engine drives: any other stands still until a person runs it.
    pub driven: &'a [RolloutKey],
    /// The rollout.
    pub rollout: RolloutKey,
    /// The instant.
    pub now: Timestamp,
}

/// Why a device is put off that another of its rollouts has to settle.
pub fn fenced(rivals: &[Rival], driven: &[RolloutKey]) -> Reason {
    rivals::fenced(rivals, driven)
}

/// Combines what all policies said of one device, in configured order: the latest
/// not-before, needs-connection by or, never by any. The order is that of the first
/// policy that gives one; the reason is of the answer that binds most.
pub fn combine(admissions: impl IntoIterator<Item = Admission>) -> Admission {
    admissions
        .into_iter()
        .reduce(|first, second| {
            let second_binds = (second.never, second.not_before, second.needs_connection)
                > (first.never, first.not_before, first.needs_connection);
            let (weak, strong) = if second_binds {
                (first.reason, second.reason)
            } else {
                (second.reason, first.reason)
            };
            Admission {
                not_before: first.not_before.max(second.not_before),
                needs_connection: first.needs_connection || second.needs_connection,
                never: first.never || second.never,
                order_key: if first.order_key == 0 {
                    second.order_key
                } else {
                    first.order_key
                },
                reason: strong.or(weak),
            }
        })
        .unwrap_or_default()
}

/// Decides about one device.
///
/// What ends its assignment is judged first, then who comes before it, then when it may
/// start. A device of unknown connectivity may start unless a policy or the settings need
/// the connection to be known: many registries never say, and the push itself finds out.
pub fn gate(of: &Circumstances<'_>) -> Gate {
    let runs = of.device.version.as_deref();
    let relation = runs.map(|version| relate(version, &of.release.version));
    if relation == Some(Relation::Same) {
        return Gate::Skip(SkipReason::AlreadyCurrent);
    }
    if !of.matches {
        return Gate::Skip(SkipReason::NoLongerMatches);
    }
    let precedence = rivals::precedence(of);
    // Told before the downgrade that it mostly is: it says more.
    if let Precedence::Superseded { by, version } = precedence {
        return Gate::Supersede { by, version };
    }
    if relation == Some(Relation::Newer) && !of.settings.allow_downgrade {
        return Gate::Skip(SkipReason::WouldDowngrade);
    }
    if of.admission.never {
        return Gate::Skip(SkipReason::Policy);
    }
    if let Precedence::After(rival) = precedence {
        return put_off(of.now.plus(RIVAL_RECHECK), rivals::reason(rival, of.driven));
    }
    if let Some(hold) = longest_hold(of) {
        let recheck = of.now.plus(HOLD_RECHECK);
        let until = hold.until.map_or(recheck, |until| until.min(recheck));
        return put_off(until, hold_reason(hold));
    }
    connection(of)
}

fn put_off(until: Timestamp, reason: Reason) -> Gate {
    Gate::Defer {
        until,
        needs_connection: false,
        reason: Some(reason),
    }
}

/// Whether the device may be reached, and the policies' clocks.
fn connection(of: &Circumstances<'_>) -> Gate {
    let needs_connection = match of.device.status {
        Connectivity::Online => false,
        Connectivity::Unknown => {
            of.admission.needs_connection || of.settings.connection == Connection::Known
        }
        Connectivity::Offline => match of.settings.offline {
            OfflineDevices::Skip => return Gate::Skip(SkipReason::Offline),
            OfflineDevices::Defer => true,
        },
    };
    let not_before = of.admission.not_before.filter(|instant| *instant > of.now);
    let next_probe = needs_connection.then(|| of.now.plus(probe_interval(of)));
    match not_before.max(next_probe) {
        None => Gate::Start {
            order_key: of.admission.order_key,
        },
        Some(until) => Gate::Defer {
            until,
            needs_connection,
            reason: of.admission.reason.clone(),
        },
    }
}

/// The probe interval, give or take a fifth, fixed per device: without it a fleet that was
/// put off in one page is probed in one beat for ever.
fn probe_interval(of: &Circumstances<'_>) -> Duration {
    let mut hasher = SipHasher24::new_with_keys(of.settings.seed, 0);
    hasher.write(of.device.id.as_str().as_bytes());
    let millis = u64::try_from(of.settings.probe_interval.as_millis()).unwrap_or(u64::MAX);
    let spread = u128::from(millis) * 2 / 5;
    // The high word of a 64 × 64 bit product maps the hash evenly onto 0..=spread.
    let drawn = (u128::from(hasher.finish()) * (spread + 1)) >> 64;
    let drawn = u64::try_from(drawn).unwrap_or(0);
    Duration::from_millis((millis - millis / 5).saturating_add(drawn))
}

/// Of the holds that keep the device back, the one that lasts longest.
fn longest_hold<'a>(of: &Circumstances<'a>) -> Option<&'a Hold> {
    of.holds
        .iter()
        .filter(|hold| hold.keeps(of.device, &of.release.version, of.now))
        .max_by_key(|hold| (hold.until.is_none(), hold.until))
}

fn hold_reason(hold: &Hold) -> Reason {
    let mut parameters = BTreeMap::from([("actor".to_owned(), Value::Text(hold.actor.clone()))]);
    if !hold.reason.is_empty() {
        parameters.insert("cause".to_owned(), Value::Text(hold.reason.clone()));
    }
    if let Some(until) = hold.until {
        let millis = i64::try_from(until.0).unwrap_or(i64::MAX);
        parameters.insert("until".to_owned(), Value::Integer(millis));
    }
    let cause = if hold.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", hold.reason)
    };
    let (code, text) = match &hold.kind {
        HoldKind::Hold => (code::HOLD, format!("on hold by {}{cause}", hold.actor)),
        HoldKind::Pin(version) => {
            parameters.insert("version".to_owned(), Value::Text(version.clone()));
            let text = format!("pinned to {version} by {}{cause}", hold.actor);
            (code::PINNED, text)
        }
    };
    Reason {
        code: code.to_owned(),
        cohort: None,
        parameters,
        text,
    }
}

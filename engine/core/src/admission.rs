//! What may become of a device whose turn has come. Asked when it is paged and not
//! kept: what is known of a device may change at any time.

use windlass_model::{
    Admission, Connectivity, Device, OfflineDevices, Release, RolloutSettings, SkipReason,
    Timestamp,
};

use crate::{Gate, version::Relation, version::relate};

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

/// Decides about one device. `matches` is the filter's answer just now, `admission` the
/// combined one of the policies.
///
/// A device of unknown connectivity may start unless a policy needs the connection to be
/// known: many registries never say, and the push itself finds out.
pub fn gate(
    device: &Device,
    release: &Release,
    settings: &RolloutSettings,
    matches: bool,
    admission: Admission,
    now: Timestamp,
) -> Gate {
    match device
        .version
        .as_deref()
        .map(|version| relate(version, &release.version))
    {
        Some(Relation::Same) => return Gate::Skip(SkipReason::AlreadyCurrent),
        _ if !matches => return Gate::Skip(SkipReason::NoLongerMatches),
        Some(Relation::Newer) if !settings.allow_downgrade => {
            return Gate::Skip(SkipReason::WouldDowngrade);
        }
        Some(Relation::Newer | Relation::Older | Relation::Unordered) | None => {}
    }
    if admission.never {
        return Gate::Skip(SkipReason::Policy);
    }
    let needs_connection = match device.status {
        Connectivity::Online => false,
        Connectivity::Unknown => admission.needs_connection,
        Connectivity::Offline => match settings.offline {
            OfflineDevices::Skip => return Gate::Skip(SkipReason::Offline),
            OfflineDevices::Defer => true,
        },
    };
    let not_before = admission.not_before.filter(|instant| *instant > now);
    let next_probe = needs_connection.then(|| now.plus(settings.probe_interval));
    match not_before.max(next_probe) {
        None => Gate::Start {
            order_key: admission.order_key,
        },
        Some(until) => Gate::Defer {
            until,
            needs_connection,
            reason: admission.reason,
        },
    }
}

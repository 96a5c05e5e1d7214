use windlass_core::placement::Placer;
use windlass_model::{Device, DeviceId, StoredDevice, Timestamp};
use windlass_store::StoreHandle;

use super::{NAMED_MAX, PAGE, PlanError, routes};
use crate::parts::Parts;

/// Devices that the filter selected, with their ranks.
pub(super) struct Chosen {
    pub(super) placer: Placer,
    pub(super) unselected: u64,
}

pub(super) async fn choose(
    store: &StoreHandle,
    parts: &Parts,
    now: Timestamp,
) -> Result<Chosen, PlanError> {
    let mut placer = Placer::new(parts.settings.seed, parts.name.clone());
    let mut selected = 0;
    let total = store.run(|store| store.device_count()).await??;
    let narrow = parts
        .filter
        .as_ref()
        .map(|part| part.filter.narrow().to_vec())
        .unwrap_or_default();
    let mut unserved: (u64, Vec<DeviceId>) = (0, Vec::new());
    let mut after = None;
    loop {
        let narrow = narrow.clone();
        let page = store
            .run(move |store| store.devices(after, PAGE, &narrow))
            .await??;
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        let (keys, devices): (Vec<_>, Vec<_>) = page
            .into_iter()
            .map(|StoredDevice { key, device }| (key, device))
            .unzip();
        let matches = matching(parts, &devices, now).await?;
        let (keys, devices): (Vec<_>, Vec<Device>) = keys
            .into_iter()
            .zip(devices)
            .zip(matches)
            .filter_map(|(pair, matches)| matches.then_some(pair))
            .unzip();
        let served = routes(&parts.deliveries, &devices, now).await?;
        for (device, route) in devices.iter().zip(&served) {
            if route.is_none() {
                unserved.0 += 1;
                if unserved.1.len() < NAMED_MAX {
                    unserved.1.push(device.id.clone());
                }
            }
        }
        let placements = parts.policies.first.policy.place(now, &devices).await?;
        selected += devices.len() as u64;
        for ((key, device), placement) in keys.into_iter().zip(&devices).zip(placements) {
            placer.add(key, &device.id, placement);
        }
    }
    match unserved {
        (0, _) => Ok(Chosen {
            placer,
            unselected: total - selected,
        }),
        (count, devices) => Err(PlanError::Unserved { count, devices }),
    }
}

async fn matching(
    parts: &Parts,
    devices: &[Device],
    now: Timestamp,
) -> Result<Vec<bool>, PlanError> {
    match &parts.filter {
        Some(part) => Ok(part.filter.matches(now, devices).await?),
        None => Ok(vec![true; devices.len()]),
    }
}

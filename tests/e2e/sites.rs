//! Fleets whose devices stand at named sites.

use serde_json::{Map, json};
use windlass_model::Connectivity;
use windlass_sim::{Behaviour, DeviceRecord, FleetSpec};

/// `each` devices at each site, named by it: `a-1`, `a-2`… Site is both `location` and the
/// attribute `store_id`.
pub(crate) fn fleet(sites: &[&str], each: usize, default: Behaviour) -> FleetSpec {
    let devices = sites.iter().flat_map(|site| {
        (1..=each).map(move |number| DeviceRecord {
            id: format!("{site}-{number}"),
            name: String::new(),
            address: String::new(),
            status: Connectivity::Online,
            firmware_version: Some("2.2.0".to_owned()),
            further: Map::from_iter([
                ("location".to_owned(), json!(site)),
                ("metadata".to_owned(), json!({ "store_id": site })),
            ]),
        })
    });
    FleetSpec {
        default,
        ..FleetSpec::of(devices.collect())
    }
}

/// The site of a device.
pub(crate) fn site(id: &str) -> &str {
    id.split_once('-').map_or(id, |(site, _)| site)
}

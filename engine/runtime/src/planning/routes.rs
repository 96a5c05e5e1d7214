use windlass_host::PluginError;
use windlass_model::{Device, Timestamp};

use crate::parts::DeliveryPart;

/// Which delivery serves a device: its position among the configured ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route(pub usize);

/// The first delivery of each device whose condition holds, and which speaks the scheme of
/// its address.
pub(crate) async fn routes(
    deliveries: &[DeliveryPart],
    devices: &[Device],
    now: Timestamp,
) -> Result<Vec<Option<Route>>, PluginError> {
    let mut routes = vec![None; devices.len()];
    for (index, part) in deliveries.iter().enumerate() {
        let serves = match &part.when {
            Some(filter) => filter.matches(now, devices).await?,
            None => vec![true; devices.len()],
        };
        for ((route, device), serves) in routes.iter_mut().zip(devices).zip(serves) {
            if route.is_none() && serves && speaks(part, device) {
                *route = Some(Route(index));
            }
        }
    }
    Ok(routes)
}

fn speaks(part: &DeliveryPart, device: &Device) -> bool {
    let schemes = part.delivery.schemes();
    let scheme = device
        .address
        .split_once(':')
        .map_or("", |(scheme, _)| scheme);
    schemes.is_empty()
        || schemes
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme))
}

//! Whether freezes begin before they end.

use jiff::tz::TimeZone;

use super::{Check, DEVICE};
use crate::{
    plan::{Freeze, Zone},
    settings::FreezeSettings,
};

/// Each is looked at for every zone of a page of devices.
const MAX_FREEZES: usize = 256;

/// It is a parameter of every reason.
const MAX_REASON: usize = 256;

impl Check {
    /// `zone` is that of the policy, if it is a sound one.
    pub(super) fn freezes(
        &mut self,
        freezes: &[FreezeSettings],
        zone: Option<&Zone>,
    ) -> Vec<Freeze> {
        if freezes.len() > MAX_FREEZES {
            self.report(
                "/freezes",
                format!(
                    "{} freezes, and at most {MAX_FREEZES} are allowed",
                    freezes.len()
                ),
                "leave out those that are over",
            );
            return Vec::new();
        }
        freezes
            .iter()
            .enumerate()
            .filter_map(|(index, freeze)| self.freeze(&format!("/freezes/{index}"), freeze, zone))
            .collect()
    }

    fn freeze(
        &mut self,
        at: &str,
        settings: &FreezeSettings,
        zone: Option<&Zone>,
    ) -> Option<Freeze> {
        if let Some(reason) = settings.reason.as_ref().filter(|it| it.len() > MAX_REASON) {
            self.report(
                format!("{at}/reason"),
                format!(
                    "a reason has at most {MAX_REASON} bytes, and this one has {}",
                    reason.len()
                ),
                "write a word or two",
            );
        }
        let own = settings.zone.as_deref();
        let own = match own {
            Some(DEVICE) => {
                self.report(
                    format!("{at}/zone"),
                    "a freeze is in the zone of each device if the policy's zone is `device`",
                    "leave out the zone of the freeze, or write that of a place",
                );
                None
            }
            Some(name) => self.named_zone(&format!("{at}/zone"), name),
            None => None,
        };
        let from = self.moment(&format!("{at}/from"), Some(&settings.from));
        let to = self.moment(&format!("{at}/to"), Some(&settings.to));
        let freeze = Freeze {
            from: from?,
            to: to?,
            reason: settings.reason.clone(),
            zone: own,
        };
        let zone = freeze.zone.clone().unwrap_or_else(|| some_zone(zone));
        if freeze.to.ends(&zone) <= freeze.from.begins(&zone) {
            self.report(
                format!("{at}/to"),
                format!("the freeze ends at {}, before it begins", settings.to),
                "write a later date; a freeze of one day has it as from and as to",
            );
        }
        Some(freeze)
    }
}

/// Where dates are compared: for devices of all zones they lie alike.
pub(super) fn some_zone(zone: Option<&Zone>) -> TimeZone {
    match zone {
        Some(Zone::Of(zone)) => zone.clone(),
        Some(Zone::Device { without }) => without.clone().unwrap_or(TimeZone::UTC),
        None => TimeZone::UTC,
    }
}

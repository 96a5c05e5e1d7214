//! Devices that ran the release and lose it again, which nobody knows before they are asked.

use std::{collections::BTreeMap, time::Duration};

use windlass_model::Timestamp;

use crate::{
    happening::Happening, placing::number, plugins::Plugins, session::FellBack, world::World,
};

/// Those of a life.
#[derive(Debug, Default)]
pub(crate) struct Falls {
    /// When each falls back, by its number.
    at: BTreeMap<u64, Timestamp>,
    /// How many were found by verifying again, and when the first was.
    found: u64,
    first_found: Option<Duration>,
}

impl<P: Plugins> World<'_, P> {
    /// A device took the release: it may be one of those that will lose it.
    pub(crate) fn took_release(&mut self, happening: &Happening) {
        let device = number(happening.device);
        let flight = self.flights.get(&happening.assignment);
        let runs = flight.filter(|flight| !flight.breaks);
        if let (Some(flight), Some(after)) = (runs, self.luck.falls_back(self.scenario, device)) {
            self.falls.at.insert(device, flight.tells.plus(after));
        }
    }

    /// Whether a device runs at an instant what it ran before the release.
    pub(crate) fn has_fallen_back(&self, device: u64, at: Timestamp) -> bool {
        self.falls.at.get(&device).is_some_and(|falls| *falls <= at)
    }

    /// A round found one.
    pub(crate) fn found_fallen_back(&mut self) {
        self.falls.found += 1;
        let since = self.now.wall.since(self.scenario.began);
        self.falls.first_found.get_or_insert(since);
    }

    /// What became of them; none: the build is one that is kept.
    pub(crate) fn fell_back(&self) -> Option<FellBack> {
        let model = self.scenario.faults.fall_back?;
        Some(FellBack {
            share: model.share,
            after: model.after,
            devices: self.falls.at.len() as u64,
            found: self.falls.found,
            first_found: self.falls.first_found,
        })
    }
}

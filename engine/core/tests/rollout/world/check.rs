//! What must hold.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::{GroupSeat, table};
use windlass_model::{AssignmentState, DeviceKey, EventKind, RolloutKey};

use super::super::store::Table;
use super::{World, seats};

impl World {
    /// What must hold after every step; the events from the `known`th on are its own, and the
    /// devices `out` were out of service before it.
    pub(super) fn check(&self, known: usize, out: &BTreeSet<DeviceKey>) {
        self.store.check();
        for key in self.runs.keys() {
            self.check_counts(*key);
        }
        let slots = &self.resources.slots;
        assert!(slots.peak() <= self.cap.get(), "the cap is exact");
        let transferring: usize = self.store.tables.values().map(transferring).sum();
        assert_eq!(slots.in_use(), transferring);
        for table in self.store.tables.values() {
            let own = table.rollout.plan.settings.concurrency;
            assert!(own.is_none_or(|most| transferring_of(table) <= most.get()));
        }
        self.check_groups(&self.reduced(known, out));
        for at in known..self.store.events.len() {
            self.check_recheck(at);
        }
    }

    /// Only who fell back is said to have, and no round forgets anybody.
    fn check_recheck(&self, at: usize) {
        let event = &self.store.events[at];
        let before = self.store.events[..at].iter().rev();
        match &event.kind {
            EventKind::DeviceRegressed { device, .. } => {
                let table = &self.store.tables[&event.rollout.expect("of a rollout")];
                let row = table.rows.values().find(|row| row.device_id == *device);
                let lost = (table.release.name.clone(), table.release.version.clone());
                let device = &self.fleet.0[&row.expect("a target").device];
                assert!(device.fell.contains(&lost));
            }
            EventKind::RecheckEnded {
                cohort,
                confirmed,
                regressed,
                unconfirmed,
            } => {
                let asked = before
                    .filter(|earlier| earlier.rollout == event.rollout)
                    .find_map(|earlier| match &earlier.kind {
                        EventKind::RecheckStarted {
                            cohort: of,
                            devices,
                        } if of == cohort => Some(*devices),
                        _ => None,
                    });
                // Those that succeeded while it went on may be among them.
                assert!(confirmed + regressed + unconfirmed >= asked.expect("it began"));
            }
            _ => {}
        }
    }

    fn check_counts(&self, key: RolloutKey) {
        let run = &self.runs[&key];
        let stored = self.store.tables[&key].cohorts();
        for (core, stored) in run.rollout.cohorts().iter().zip(&stored) {
            assert_eq!(core.states, stored.states);
            assert_eq!(core.states.total(), core.size, "the counts add up");
            assert_eq!(core.started, stored.started);
            assert_eq!(core.in_progress, stored.in_progress);
            assert_eq!(core.ended, stored.ended);
            assert_eq!(core.first_failures, stored.first_failures);
            assert_eq!(core.failures, stored.failures);
            assert_eq!(core.first_started, stored.first_started);
            assert_eq!(core.recheck, stored.recheck);
        }
    }

    /// What must hold when a device was started for the first time.
    pub(super) fn check_ceilings(&self, key: RolloutKey, device: DeviceKey) {
        let rows = &self.store.tables[&key].rows;
        let row = rows.values().find(|row| row.device == device);
        let index = row.expect("a target").cohort;
        let cohort = &self.store.tables[&key].cohorts()[index.0 as usize];
        for decision in self.runs[&key].latest.iter().flatten() {
            let ceiling = decision.ceilings[index.0 as usize];
            assert!(cohort.started <= ceiling.started, "{index:?}: {ceiling:?}");
            assert!(cohort.in_progress <= ceiling.in_progress);
        }
    }

    /// Devices that failed, as far as the rollouts can know, and those in progress, which may
    /// wait for another attempt.
    pub(super) fn out_of_service(&self) -> BTreeSet<DeviceKey> {
        let tables = self.store.tables.values();
        tables
            .flat_map(|table| table.rows.values())
            .filter(|row| table::meaning(row.state.kind()).counts_in_progress)
            .map(|row| row.device)
            .chain(self.store.failed.iter().copied())
            .chain(self.repaired.iter().copied())
            .collect()
    }

    /// The devices to which attempts began.
    pub(super) fn started(&self, known: usize) -> BTreeSet<DeviceKey> {
        let events = self.store.events[known..].iter();
        let devices = events.filter_map(|event| match &event.kind {
            EventKind::AttemptStarted { device, .. } => Some(device),
            _ => None,
        });
        let rows = || {
            self.store
                .tables
                .values()
                .flat_map(|table| table.rows.values())
        };
        devices
            .filter_map(|device| rows().find(|row| row.device_id == *device))
            .map(|row| row.device)
            .collect()
    }

    /// The groups with a limit that an attempt took a member from; one that was `out` of
    /// service already, or has failed since, was none of them.
    fn reduced(&self, known: usize, out: &BTreeSet<DeviceKey>) -> BTreeSet<GroupSeat> {
        self.started(known)
            .into_iter()
            .filter(|device| !out.contains(device) && !self.store.failed.contains(device))
            .flat_map(|device| seats(&self.limits, device))
            .collect()
    }

    /// Members may fail at any time, also because they were asked and were silent, and any
    /// number of those out of service may be tried again: they exceed no limit, but keep
    /// others from starting, in the groups `reduced`.
    fn check_groups(&self, reduced: &BTreeSet<GroupSeat>) {
        let mut busy: BTreeMap<GroupSeat, (u32, BTreeSet<DeviceKey>)> = BTreeMap::new();
        let rows = self.store.tables.values().flat_map(|table| &table.rows);
        for (_, row) in rows {
            let meaning = table::meaning(row.state.kind());
            if meaning.counts_in_progress {
                for seat in seats(&self.limits, row.device) {
                    let (transfers, out) = busy.entry(seat).or_default();
                    *transfers += u32::from(meaning.holds_slot);
                    out.insert(row.device);
                }
            }
        }
        for (seat, (transfers, mut out)) in busy {
            let limit = &self.limits[seat.limit];
            assert!(limit.transfers.is_none_or(|most| transfers <= most.get()));
            assert_eq!(
                self.resources.groups.transferring(&seat),
                transfers as usize
            );
            for device in &out {
                assert!(self.resources.groups.is_out(&seat, *device));
            }
            if reduced.contains(&seat) {
                let failed = self.store.failed.iter().copied();
                out.extend(failed.filter(|key| seats(&self.limits, *key).contains(&seat)));
                let most = limit
                    .unavailable
                    .map_or(usize::MAX, |most| most.get() as usize);
                assert!(out.len() <= most, "{seat:?}: {out:?}");
            }
        }
    }

    /// What must hold when no further run will change anything.
    pub(crate) fn check_end(&self) {
        for table in self.store.tables.values() {
            assert!(table.rows.values().all(|row| row.state.kind().is_ended()));
        }
        for (DeviceKey(key), device) in &self.fleet.0 {
            for (release, times) in &device.installs {
                assert!(*times <= 1, "device {key} was updated twice to {release:?}");
            }
        }
        for key in self.store.tables.keys() {
            let starts_after_abort = self
                .store
                .events_of(*key)
                .skip_while(|event| !matches!(event, EventKind::RolloutAborting { .. }))
                .any(|event| matches!(event, EventKind::AttemptStarted { .. }));
            assert!(!starts_after_abort, "an abort is for good");
        }
    }
}

fn transferring(table: &Table) -> usize {
    transferring_of(table) as usize
}

fn transferring_of(table: &Table) -> u32 {
    let pushing =
        |row: &&windlass_model::Assignment| matches!(row.state, AssignmentState::Transferring(_));
    table.rows.values().filter(pushing).count() as u32
}

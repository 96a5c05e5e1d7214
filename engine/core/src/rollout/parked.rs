//! Devices that could start, were there room in their group.

use std::{collections::BTreeMap, collections::BTreeSet, time::Duration};

use windlass_model::{AssignmentId, CohortIndex};

use crate::{GroupSeat, groups::Full};

/// Admitted devices parked in all groups, beside those admitted ahead: each costs some 500
/// bytes.
const MAX_PARKED: usize = 8192;
/// And in one group, so that a group that stays full takes no place from others.
const MAX_PER_GROUP: usize = 64;

/// A device's place among those that start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Among the retries.
    Retry(Duration, AssignmentId),
    /// Among the admitted.
    First(CohortIndex, u64, AssignmentId),
}

#[derive(Debug, Default)]
pub(super) struct Parked {
    groups: BTreeMap<GroupSeat, Group>,
    firsts: BTreeMap<CohortIndex, usize>,
}

#[derive(Debug)]
struct Group {
    places: BTreeSet<Place>,
    firsts: usize,
    why: Full,
}

impl Parked {
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Whether a further admitted device may be parked in a group.
    pub(super) fn has_place(&self, seat: &GroupSeat) -> bool {
        self.firsts.values().sum::<usize>() < MAX_PARKED
            && self
                .groups
                .get(seat)
                .is_none_or(|group| group.firsts < MAX_PER_GROUP)
    }

    /// Admitted devices of a cohort that are parked.
    pub(super) fn firsts(&self, cohort: CohortIndex) -> u64 {
        self.firsts.get(&cohort).copied().unwrap_or(0) as u64
    }

    pub(super) fn park(&mut self, seat: GroupSeat, place: Place, why: Full) {
        let group = self.groups.entry(seat).or_insert_with(|| Group {
            places: BTreeSet::new(),
            firsts: 0,
            why,
        });
        group.why = why;
        let new = group.places.insert(place);
        debug_assert!(new, "it is parked once");
        if let Place::First(cohort, ..) = place {
            group.firsts += 1;
            *self.firsts.entry(cohort).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, seat: &GroupSeat, place: Place) {
        if let Some(group) = self.groups.get_mut(seat)
            && group.places.remove(&place)
        {
            if let Place::First(cohort, ..) = place {
                group.firsts -= 1;
                self.count_off(cohort, 1);
            }
            if self
                .groups
                .get(seat)
                .is_some_and(|group| group.places.is_empty())
            {
                self.groups.remove(seat);
            }
        }
    }

    fn count_off(&mut self, cohort: CohortIndex, count: usize) {
        if let Some(firsts) = self.firsts.get_mut(&cohort) {
            *firsts -= count;
            if *firsts == 0 {
                self.firsts.remove(&cohort);
            }
        }
    }

    /// All that are parked in a group.
    pub(super) fn take(&mut self, seat: &GroupSeat) -> BTreeSet<Place> {
        let Some(group) = self.groups.remove(seat) else {
            return BTreeSet::new();
        };
        for place in &group.places {
            if let Place::First(cohort, ..) = place {
                self.count_off(*cohort, 1);
            }
        }
        group.places
    }

    pub(super) fn seats(&self) -> Vec<GroupSeat> {
        self.groups.keys().cloned().collect()
    }

    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.groups
            .values()
            .flat_map(|group| group.places.iter().copied())
    }

    /// Whether devices that are being updated are in the way somewhere.
    pub(super) fn passes(&self) -> bool {
        self.groups.values().any(|group| group.why == Full::Passing)
    }

    /// The groups whose members are out of service, with how many devices wait for them.
    pub(super) fn blocked(&self) -> impl Iterator<Item = (&GroupSeat, usize)> {
        self.groups
            .iter()
            .filter(|(_, group)| group.why == Full::OutOfService)
            .map(|(seat, group)| (seat, group.places.len()))
    }
}

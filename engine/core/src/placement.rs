//! Ranks the targets of a rollout and cuts them into cohorts (design §7.1).
//!
//! Tiers come one after the other. Within a tier every stratum is ordered by a seeded
//! hash of the device's id, and the strata are interleaved in proportion to their sizes,
//! so that every prefix holds its share of each, off by less than one device. The hash
//! is SipHash-2-4 (Aumasson and Bernstein, 2012) with 128 bits of output: published,
//! stable over platforms and releases, and wide enough that two devices never tie.

use std::{collections::BTreeMap, hash::Hasher};

use siphasher::sip128::{Hasher128, SipHasher24};
use windlass_model::{Cohort, CohortIndex, DeviceId, DeviceKey, Placement, RolloutName, TierCount};

/// The sizes of the cohorts do not add up to the devices placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cohorts hold {cohorts} devices, but {placed} are to be placed")]
pub struct CutError {
    /// The sum of the cohorts' sizes.
    pub cohorts: u64,
    /// The devices placed.
    pub placed: u64,
}

/// Collects devices, then ranks and cuts them. Holds some 32 bytes a device until the cut, then some 80.
#[derive(Debug)]
pub struct Placer {
    seed: u64,
    rollout: RolloutName,
    strata: BTreeMap<Placement, Vec<(u128, DeviceKey)>>,
    placed: u64,
}

impl Placer {
    /// Devices of different rollouts are ordered differently, though their seed is one.
    pub fn new(seed: u64, rollout: RolloutName) -> Self {
        Self {
            seed,
            rollout,
            strata: BTreeMap::new(),
            placed: 0,
        }
    }

    /// Adds a device, in any order; each once.
    pub fn add(&mut self, device: DeviceKey, id: &DeviceId, placement: Placement) {
        let mut hasher = SipHasher24::new_with_keys(self.seed, 0);
        hasher.write(self.rollout.as_str().as_bytes());
        // Not in UTF-8, so that no other pair of name and id reads the same.
        hasher.write(&[0xff]);
        hasher.write(id.as_str().as_bytes());
        let hash = hasher.finish128().as_u128();
        self.strata
            .entry(placement)
            .or_default()
            .push((hash, device));
        self.placed += 1;
    }

    /// The devices of each tier, for a policy's `cohorts`.
    pub fn tiers(&self) -> Vec<TierCount> {
        let mut tiers: Vec<TierCount> = Vec::new();
        for (placement, members) in &self.strata {
            let devices = members.len() as u64;
            match tiers.last_mut() {
                Some(last) if last.tier == placement.tier => last.devices += devices,
                _ => tiers.push(TierCount {
                    tier: placement.tier,
                    devices,
                }),
            }
        }
        tiers
    }

    /// The devices in rank order, each with its cohort.
    pub fn cut(self, cohorts: &[Cohort]) -> Result<Vec<(DeviceKey, CohortIndex)>, CutError> {
        let placed = self.placed;
        let sizes = cohorts
            .iter()
            .fold(0_u64, |sum, cohort| sum.saturating_add(cohort.size));
        if sizes != placed {
            return Err(CutError {
                cohorts: sizes,
                placed,
            });
        }
        let homes = (0..)
            .map(CohortIndex)
            .zip(cohorts)
            .flat_map(|(index, cohort)| (0..cohort.size).map(move |_| index));
        Ok(self.ranked().into_iter().zip(homes).collect())
    }

    fn ranked(self) -> Vec<DeviceKey> {
        let mut tiers: BTreeMap<u32, Vec<Ranked>> = BTreeMap::new();
        for (placement, mut members) in self.strata {
            members.sort_unstable();
            let size = members.len() as u64;
            let ranked = members
                .into_iter()
                .zip(0..)
                .map(|((hash, device), rank)| Ranked {
                    position: Position { rank, size },
                    hash,
                    device,
                });
            tiers.entry(placement.tier).or_default().extend(ranked);
        }
        tiers
            .into_values()
            .flat_map(|mut tier| {
                tier.sort_unstable();
                tier.into_iter().map(|ranked| ranked.device)
            })
            .collect()
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    position: Position,
    /// Between strata of one size, so that no stratum is always first.
    hash: u128,
    device: DeviceKey,
}

/// The fraction (rank + ½) / size, compared without rounding.
#[derive(Clone, Copy)]
struct Position {
    rank: u64,
    size: u64,
}

impl Position {
    fn times(self, size: u64) -> u128 {
        (2 * u128::from(self.rank) + 1) * u128::from(size)
    }
}

impl Ord for Position {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.times(other.size).cmp(&other.times(self.size))
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Position {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Position {}

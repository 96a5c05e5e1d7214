//! What the machine must allow for a given concurrency, checked before anything runs:
//! exhausting memory maps in the middle of a rollout would abort the process.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    StartError,
    limits::{FILES_PER_JOB, FILES_RESERVE, MAPS_PER_INSTANCE, MAPS_RESERVE},
};

/// Places for pushes that one engine can have: what its pool can number, with room to spare.
const MOST_TRANSFERS: usize = 1 << 20;
/// Places for calls of filters and of policies, per thread that runs guests: one in a call
/// and some kept for other rollouts.
const PURE_PER_WORKER: usize = 8;
/// Probes and verifications for each hundred pushes: they take seconds, not minutes.
const QUERIES_PER_CENT: usize = 50;
/// Probes and verifications at once, at least.
const LEAST_QUERIES: usize = 8;

/// How many instances of each kind there may be.
pub(crate) struct Sizes {
    pub(crate) transfers: usize,
    pub(crate) queries: usize,
    pub(crate) filters: usize,
    pub(crate) policies: usize,
}

impl Sizes {
    pub(crate) fn new(concurrency: NonZeroUsize, workers: usize) -> Result<Self, StartError> {
        let transfers = concurrency.get();
        if transfers > MOST_TRANSFERS {
            return Err(StartError::Concurrency {
                concurrency: transfers,
                most: MOST_TRANSFERS,
            });
        }
        Ok(Self {
            transfers,
            queries: (transfers * QUERIES_PER_CENT / 100).max(LEAST_QUERIES),
            filters: workers * PURE_PER_WORKER,
            policies: workers * PURE_PER_WORKER,
        })
    }

    /// All of them.
    pub(crate) fn instances(&self) -> u32 {
        let sum = self.transfers + self.queries + self.filters + self.policies;
        u32::try_from(sum).unwrap_or(u32::MAX)
    }
}

/// Checks memory maps and file descriptors, and raises the limit on the latter.
pub(crate) fn check(sizes: &Sizes) -> Result<(), StartError> {
    check_maps(sizes)?;
    raise_files(sizes)
}

fn check_maps(sizes: &Sizes) -> Result<(), StartError> {
    let needed = u64::from(sizes.instances()) * MAPS_PER_INSTANCE + MAPS_RESERVE;
    let allowed = std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok());
    match allowed {
        Some(allowed) if allowed < needed => Err(StartError::Maps {
            instances: sizes.instances(),
            needed,
            allowed,
        }),
        // Other systems have no such limit.
        Some(_) | None => Ok(()),
    }
}

fn raise_files(sizes: &Sizes) -> Result<(), StartError> {
    let jobs = (sizes.transfers + sizes.queries) as u64;
    let needed = jobs * FILES_PER_JOB + FILES_RESERVE;
    let limit = getrlimit(Resource::Nofile);
    if let Some(allowed) = limit.maximum.filter(|allowed| *allowed < needed) {
        return Err(StartError::Files {
            concurrency: sizes.transfers,
            needed,
            allowed,
        });
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        let allowed = limit.current.unwrap_or(u64::MAX);
        tracing::debug!(%error, allowed, "the limit on open files cannot be raised");
        if allowed < needed {
            return Err(StartError::Files {
                concurrency: sizes.transfers,
                needed,
                allowed,
            });
        }
    }
    Ok(())
}

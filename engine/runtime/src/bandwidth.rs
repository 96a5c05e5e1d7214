//! Which bounds on bandwidth a device's transfers share: the engine's, and those of the groups
//! that it belongs to.

use std::{
    collections::BTreeMap,
    num::NonZeroU64,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use windlass_host::{Host, Throttle};
use windlass_model::{Device, GroupField, GroupLimit};

/// Groups remembered before those without a transfer are forgotten.
const FORGET_ABOVE: usize = 4096;

/// The bounds of an engine, for all its rollouts.
pub struct Bandwidth {
    host: Arc<Host>,
    all: Option<Arc<Throttle>>,
    limits: Vec<(GroupField, NonZeroU64)>,
    groups: Mutex<BTreeMap<(usize, String), Weak<Throttle>>>,
}

impl Bandwidth {
    /// Bounds of `all` bytes a second for every transfer, and of those of `groups` that name
    /// a bandwidth.
    pub fn new(host: Arc<Host>, all: Option<NonZeroU64>, groups: &[GroupLimit]) -> Self {
        Self {
            all: all.map(|bytes| host.throttle(bytes)),
            limits: groups
                .iter()
                .filter_map(|limit| Some((limit.by.clone(), limit.bandwidth?)))
                .collect(),
            groups: Mutex::default(),
            host,
        }
    }

    /// The bounds that a transfer to `device` shares.
    pub(crate) fn of(&self, device: &Device) -> Vec<Arc<Throttle>> {
        let groups = self
            .limits
            .iter()
            .enumerate()
            .filter_map(|(index, (field, bytes))| {
                Some(self.group((index, field.of(device)?), *bytes))
            });
        self.all.iter().cloned().chain(groups).collect()
    }

    fn group(&self, group: (usize, String), bytes: NonZeroU64) -> Arc<Throttle> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(throttle) = groups.get(&group).and_then(Weak::upgrade) {
            return throttle;
        }
        if groups.len() >= FORGET_ABOVE {
            groups.retain(|_, throttle| throttle.strong_count() > 0);
        }
        let throttle = self.host.throttle(bytes);
        groups.insert(group, Arc::downgrade(&throttle));
        throttle
    }
}

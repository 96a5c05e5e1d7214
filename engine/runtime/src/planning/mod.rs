//! From a registry to targets: filter, delivery, tiers, cohorts. Reads, never writes, so
//! that `plan` and `run` see the same.

mod anew;
pub mod outlook;
mod rollback;
mod routes;
mod targets;

use windlass_core::placement::CutError;
use windlass_host::{PluginError, Refusal};
use windlass_model::{
    Cohort, CohortIndex, Device, DeviceId, DeviceKey, PluginName, ReleaseKey, RolloutPlan,
    Timestamp,
};
use windlass_store::{Stopped, StoreError, StoreHandle};

use crate::parts::Parts;
use targets::Chooser;

pub use anew::{Anew, Charge, place_anew, place_shadow};
pub use rollback::{BackTo, RollbackRules, Rollbacks, plan_rollbacks};
pub use routes::Route;
pub(crate) use routes::routes;

/// Devices read and judged at once; well within what a filter takes in one call.
const PAGE: usize = 8192;
/// Devices named in an error; the rest is counted.
const NAMED_MAX: usize = 5;

/// The targets of a rollout, not written anywhere.
#[derive(Clone, Debug)]
pub struct Selection {
    /// In rank order, cohort by cohort.
    pub targets: Vec<(DeviceKey, CohortIndex)>,
    /// The cohorts they were cut into.
    pub cohorts: Vec<Cohort>,
    /// Devices that the filter did not select.
    pub unselected: u64,
}

/// Why there is no selection.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The registry could not be read.
    #[error("the registry could not be read")]
    Store(#[from] StoreError),
    /// A plugin failed.
    #[error(transparent)]
    Plugin(Box<PluginError>),
    /// The first policy's cohorts do not hold the selected devices.
    #[error("the policy `{policy}` cut wrong cohorts")]
    Cohorts {
        /// Which.
        policy: PluginName,
        /// What is wrong with them.
        #[source]
        cause: CutError,
    },
    /// Selected devices that no configured delivery serves.
    #[error("{count} of the selected devices are served by no delivery, such as {}", list(.devices))]
    Unserved {
        /// How many.
        count: u64,
        /// Some of them.
        devices: Vec<DeviceId>,
    },
}

fn list(devices: &[DeviceId]) -> String {
    devices
        .iter()
        .map(|id| format!("`{id}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl From<Stopped> for PlanError {
    fn from(stopped: Stopped) -> Self {
        Self::Store(stopped.into())
    }
}

impl From<PluginError> for PlanError {
    fn from(error: PluginError) -> Self {
        Self::Plugin(Box::new(error))
    }
}

/// Asks filter, deliveries and the first policy about every device of the registry.
///
/// # Errors
/// If the registry or a plugin fails, or a selected device has no delivery.
pub async fn select(
    store: &StoreHandle,
    parts: &Parts,
    now: Timestamp,
) -> Result<Selection, PlanError> {
    let total = store.run(|store| store.device_count()).await??;
    let narrow = parts
        .filter
        .as_ref()
        .map(|part| part.filter.narrow().to_vec());
    let narrow = narrow.unwrap_or_default();
    let mut chooser = Chooser::new(parts, now);
    let mut after = None;
    loop {
        let narrow = narrow.clone();
        let page = store
            .run(move |store| store.devices(after, PAGE, &narrow))
            .await??;
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        let page = page.into_iter().map(|stored| (stored.key, stored.device));
        let (keys, devices) = page.unzip();
        chooser.take(keys, devices).await?;
    }
    chooser.finish(Some(total)).await
}

/// The same for devices that are not in a registry yet, batch by batch: whether a selection
/// would succeed, before anything is written.
///
/// # Errors
/// If a plugin fails, or a selected device has no delivery.
pub async fn rehearse(
    batches: &mut tokio::sync::mpsc::Receiver<Vec<Device>>,
    parts: &Parts,
    now: Timestamp,
) -> Result<(), PlanError> {
    let mut chooser = Chooser::new(parts, now);
    let mut key = 0;
    while let Some(devices) = batches.recv().await {
        let keys = (key..).map(DeviceKey).take(devices.len()).collect();
        key += devices.len() as i64;
        chooser.take(keys, devices).await?;
    }
    chooser.finish(None).await.map(|_| ())
}

/// The plan that a selection and its parts make; the identity of a run is compared by it.
pub fn plan(parts: &Parts, release: ReleaseKey, selection: &Selection) -> RolloutPlan {
    RolloutPlan {
        name: parts.name.clone(),
        release,
        settings: parts.settings.clone(),
        cohorts: selection.cohorts.clone(),
        filter_expression: parts
            .filter
            .as_ref()
            .and_then(|filter| filter.expression.clone()),
        filter: parts.filter.as_ref().map(|filter| filter.pin.clone()),
        policies: parts
            .policies
            .iter()
            .map(|policy| policy.pin.clone())
            .collect(),
        deliveries: parts
            .deliveries
            .iter()
            .map(|delivery| delivery.pin.clone())
            .collect(),
        unselected: selection.unselected,
        fleet: parts.fleet,
        takes_back: None,
    }
}

/// Why a device is not a target, as far as its filter can tell.
///
/// # Errors
/// If the filter fails.
pub async fn explain(
    parts: &Parts,
    device: &Device,
    now: Timestamp,
) -> Result<Vec<Refusal>, PlanError> {
    match &parts.filter {
        Some(part) => Ok(part.filter.explain(now, device).await?),
        None => Ok(Vec::new()),
    }
}

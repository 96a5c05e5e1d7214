//! Deliveries through the sandbox, as the engine makes them, with nothing around.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use windlass_host::{Delivery, DeliveryOptions, Host, HostConfig, Job, JobObserver, PayloadSource};
use windlass_model::{AssignmentId, AttemptId, AttemptOutcome, Device, PluginName, Release};

use super::Work;
use crate::load;

/// How long instances live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instances {
    /// As long as the engine keeps them.
    Reused,
    /// For one push.
    Fresh,
}

/// The HTTP delivery, opened; it keeps its host alive.
pub(crate) struct Sandbox {
    delivery: Delivery,
}

impl Sandbox {
    /// Starts it for so many pushes at once; `cache` keeps what was compiled.
    pub(crate) async fn start(
        instances: Instances,
        at_once: usize,
        cache: Option<&Path>,
    ) -> Result<Self> {
        let concurrency = NonZeroUsize::new(at_once).context("some at once")?;
        let mut limits = load::limits(concurrency);
        if instances == Instances::Fresh {
            limits.delivery_uses = 1;
        }
        let host = Host::start(HostConfig {
            concurrency,
            cache_dir: cache.map(Path::to_owned),
            limits,
        })?;
        let component = windlass_builtin::builtin("delivery-http").context("it is built in")?;
        let plugin = host
            .load(PluginName::new("http"), Bytes::from_static(component))
            .await?;
        let settings = serde_json::json!({ "allow_plain_http": true });
        let delivery = plugin
            .delivery(&settings, DeliveryOptions::default())
            .await?;
        Ok(Self { delivery })
    }

    /// The pushes of `work`, with their devices, which a registry would have.
    pub(crate) fn plan(&self, work: &Work<'_>) -> Pushes {
        let devices =
            (0..work.pushes).map(|index| Arc::new(load::device(index, work.addressing, work.port)));
        Pushes {
            plan: Arc::new(Plan {
                next: AtomicU64::new(0),
                devices: devices.collect(),
                release: Arc::clone(&work.payload.release),
                source: Arc::clone(&work.payload.source) as Arc<dyn PayloadSource>,
                observer: Arc::new(Deaf),
            }),
            at_once: work.at_once,
            delivery: self.delivery.clone(),
        }
    }
}

/// Pushes to be made.
pub(crate) struct Pushes {
    plan: Arc<Plan>,
    at_once: usize,
    delivery: Delivery,
}

impl Pushes {
    /// Makes them all; how long it took.
    pub(crate) async fn make(self) -> Result<Duration> {
        let begun = Instant::now();
        let mut pushers = JoinSet::new();
        for _ in 0..self.at_once {
            pushers.spawn(pusher(Arc::clone(&self.plan), self.delivery.clone()));
        }
        while let Some(pushed) = pushers.join_next().await {
            pushed??;
        }
        Ok(begun.elapsed())
    }
}

struct Plan {
    next: AtomicU64,
    devices: Vec<Arc<Device>>,
    release: Arc<Release>,
    source: Arc<dyn PayloadSource>,
    observer: Arc<Deaf>,
}

struct Deaf;

impl JobObserver for Deaf {
    fn progress(&self, _: u64) {}
    fn checkpoint(&self, _: Vec<u8>) {}
}

async fn pusher(plan: Arc<Plan>, delivery: Delivery) -> Result<()> {
    loop {
        let index = plan.next.fetch_add(1, Ordering::Relaxed);
        let at = usize::try_from(index)?;
        let Some(device) = plan.devices.get(at) else {
            return Ok(());
        };
        let attempt = u32::try_from(index + 1)?;
        let job = Job {
            device: Arc::clone(device),
            release: Arc::clone(&plan.release),
            assignment: AssignmentId(i64::try_from(index)?),
            attempt: AttemptId(NonZeroU32::new(attempt).context("it is above 0")?),
            number: 1,
            checkpoint: None,
            idle: Duration::from_secs(30),
            deadline: Duration::from_secs(600),
            cancel: CancellationToken::new(),
            observer: Arc::clone(&plan.observer) as Arc<dyn JobObserver>,
            throttles: Vec::new(),
        };
        let end = delivery.push(job, Arc::clone(&plan.source)).await;
        ensure!(
            end.outcome == AttemptOutcome::Delivered,
            "a push ended as {:?}",
            end.outcome
        );
    }
}

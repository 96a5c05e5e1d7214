//! A rollout through the whole engine: loop, core, state file, policy, events, progress.

use std::{
    io::Write as _,
    num::NonZeroUsize,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use tokio::{sync::oneshot, task::JoinHandle};
use windlass_host::{DeliveryOptions, Host, HostConfig, Limits, PayloadSource};
use windlass_model::{
    Connection, EventKind, OfflineDevices, OnUncertain, PluginName, PluginPin, RetrySettings,
    RolloutKey, RolloutName, RolloutSettings, SettleSettings, Sha256, StateCounts, StateKind,
    Timeouts, Timestamp, VerifyMode,
};
use windlass_runtime::{
    Bandwidth, DeliveryPart, Engine, EngineError, EngineParts, Entered, Entry, FilterPart, Helm,
    Parts, PluginExecutor, PolicyPart, RunEnd, WaitFor,
    bus::{Bus, Subscription},
    clock::{Clock as _, SystemClock},
    planning,
};
use windlass_store::{Location, Store, StoreHandle, StoreThread};

use crate::{load, push::Work};

/// What bounds a rollout beside the cap on transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// A progressive policy with three cohorts, gates and an abort.
    Gated,
    /// Nothing.
    Free,
}

/// What is rolled out beside the work itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course<'a> {
    /// What bounds it.
    pub(crate) pace: Pace,
    /// Which devices; all without it.
    pub(crate) expression: Option<&'a str>,
    /// Where compiled plugins are kept, if anywhere.
    pub(crate) cache: Option<&'a Path>,
}

impl Course<'_> {
    /// To all devices, as fast as a policy allows.
    pub(crate) const GATED: Self = Self {
        pace: Pace::Gated,
        expression: None,
        cache: None,
    };
    /// To all devices at once.
    pub(crate) const FREE: Self = Self {
        pace: Pace::Free,
        expression: None,
        cache: None,
    };
}

/// A fleet in a state file, with a rollout over it that waits to begin.
pub(crate) struct Fleet {
    host: Arc<Host>,
    parts: Parts,
    thread: StoreThread,
    rollout: RolloutKey,
    /// Devices that the rollout is for.
    pub(crate) targets: u64,
    at_once: NonZeroUsize,
}

/// A rollout under way.
pub(crate) struct Voyage {
    /// Gives it orders.
    pub(crate) helm: Helm<PluginExecutor>,
    /// Of the engine.
    pub(crate) store: StoreHandle,
    begun: Instant,
    entered: oneshot::Receiver<RunEnd>,
    engine: JoinHandle<Result<(), EngineError>>,
    listener: JoinHandle<Result<Heard>>,
    watcher: JoinHandle<u64>,
    thread: StoreThread,
}

/// What came of it.
pub(crate) struct Rolled {
    /// From the first device to the last.
    pub(crate) took: Duration,
    /// Devices by state.
    pub(crate) counts: StateCounts,
    /// What the events told.
    pub(crate) heard: Heard,
}

/// What the events told.
#[derive(Default)]
pub(crate) struct Heard {
    /// How many came.
    pub(crate) events: u64,
    /// When the last attempt began.
    pub(crate) last_start: Option<Timestamp>,
    /// When attempts failed, in order.
    pub(crate) failures: Vec<Timestamp>,
}

/// Compiles the plugins that rollouts here use, and keeps them in `cache`.
pub(crate) async fn warm(cache: &Path) -> Result<()> {
    let host = Host::start(HostConfig {
        concurrency: NonZeroUsize::MIN,
        cache_dir: Some(cache.to_owned()),
        limits: Limits::default(),
    })?;
    for name in ["delivery-http", "filter-cel", "policy-progressive"] {
        let component = windlass_builtin::builtin(name).context("it is built in")?;
        host.load(PluginName::new(name), Bytes::from_static(component))
            .await?;
    }
    Ok(())
}

/// Writes the devices of `work` into a new state file.
pub(crate) fn import(file: &Path, work: &Work<'_>) -> Result<()> {
    let now = SystemClock::new().now().wall;
    let mut store = Store::open(&Location::File(file.to_owned()))?;
    let devices = (0..work.pushes).map(|index| load::device(index, work.addressing, work.port));
    store.import_devices(devices, now)?;
    Ok(())
}

impl Fleet {
    /// Imports the devices of `work` into a new state file, and plans.
    pub(crate) async fn prepare(file: &Path, work: &Work<'_>, course: Course<'_>) -> Result<Self> {
        import(file, work)?;
        Self::plan(file, work, course).await
    }

    /// Plans for the devices of a state file.
    pub(crate) async fn plan(file: &Path, work: &Work<'_>, course: Course<'_>) -> Result<Self> {
        let at_once = NonZeroUsize::new(work.at_once).context("some at once")?;
        let host = Host::start(HostConfig {
            concurrency: at_once,
            cache_dir: course.cache.map(Path::to_owned),
            limits: load::limits(at_once),
        })?;
        let parts = parts(&host, work, course).await?;
        let now = SystemClock::new().now().wall;
        let mut store = Store::open(&Location::File(file.to_owned()))?;
        let release = store.put_release(&parts.release, now)?;
        let thread = StoreThread::start(store)?;
        let handle = thread.handle();
        let selection = planning::select(&handle, &parts, now).await?;
        let targets = selection.targets.len() as u64;
        let plan = planning::plan(&parts, release, &selection);
        let rollout = handle
            .run(move |store| store.create_rollout(&plan, &mut selection.targets.into_iter(), now))
            .await??;
        Ok(Self {
            host: Arc::new(host),
            parts,
            thread,
            rollout,
            targets,
            at_once,
        })
    }

    /// Begins.
    pub(crate) async fn start(self) -> Result<Voyage> {
        let store = self.thread.handle();
        let bus = Bus::default();
        let after = store.run(|store| store.last_event()).await??;
        let listening = bus.subscribe(store.clone(), after);
        let (engine, helm) = Engine::new(EngineParts {
            clock: SystemClock::new(),
            store: store.clone(),
            bus,
            concurrency: self.at_once,
            groups: Arc::new([]),
            retries_per_minute: None,
        });
        let bandwidth = Arc::new(Bandwidth::new(Arc::clone(&self.host), None, &[]));
        let executor = PluginExecutor::new(self.parts, Vec::new(), store.clone(), bandwidth);
        let begun = Instant::now();
        let engine = self.host.beside_sockets(engine.run());
        let listener = tokio::spawn(listen(listening));
        let Entered { mut progress, end } = helm
            .add(Entry {
                rollout: self.rollout,
                executor: Arc::new(executor),
                wait: WaitFor::Done,
            })
            .await?;
        let watcher = tokio::spawn(async move {
            let mut samples = 0;
            while progress.changed().await.is_ok() {
                let sample = serde_json::to_vec(&*progress.borrow_and_update());
                samples += u64::from(sample.is_ok());
            }
            samples
        });
        Ok(Voyage {
            helm,
            store,
            begun,
            entered: end,
            engine,
            listener,
            watcher,
            thread: self.thread,
        })
    }

    /// Rolls out to every target; how long it took.
    pub(crate) async fn roll_out(self) -> Result<Duration> {
        let targets = self.targets;
        let Rolled {
            took,
            counts,
            heard,
        } = self.start().await?.finish().await?;
        let succeeded = counts.get(StateKind::Succeeded);
        ensure!(
            succeeded == targets,
            "of {targets} devices {succeeded} succeeded"
        );
        // Each device has at least a start and an end.
        ensure!(
            heard.events >= 2 * targets,
            "only {} events came",
            heard.events
        );
        Ok(took)
    }
}

impl Voyage {
    /// Waits for its end.
    pub(crate) async fn finish(self) -> Result<Rolled> {
        drop(self.helm);
        let end = self.entered.await.context("the engine broke off")?;
        let took = self.begun.elapsed();
        self.engine.await??;
        let heard = self.listener.await??;
        self.watcher.await?;
        drop(self.store);
        drop(self.thread.shutdown().await?);
        Ok(Rolled {
            took,
            counts: end.counts,
            heard,
        })
    }

    /// Ends it at once.
    pub(crate) async fn cut(self) -> Result<Rolled> {
        self.helm.cut(None).await;
        self.finish().await
    }
}

/// Encodes every event as a line, as `run --output json` does.
async fn listen(mut events: Subscription) -> Result<Heard> {
    let mut sink = std::io::sink();
    let mut heard = Heard::default();
    while let Some(event) = events.next().await? {
        serde_json::to_writer(&mut sink, &event)?;
        sink.write_all(b"\n")?;
        heard.events += 1;
        match &event.event.kind {
            EventKind::AttemptStarted { .. } => heard.last_start = Some(event.event.at),
            EventKind::AttemptFailed { .. } => heard.failures.push(event.event.at),
            _ => {}
        }
    }
    Ok(heard)
}

async fn parts(host: &Host, work: &Work<'_>, course: Course<'_>) -> Result<Parts> {
    let load = async |name: &str| {
        let component = windlass_builtin::builtin(name).context("it is built in")?;
        anyhow::Ok(
            host.load(PluginName::new(name), Bytes::from_static(component))
                .await?,
        )
    };
    let http = load("delivery-http").await?;
    let pin = |plugin: &windlass_host::Plugin| PluginPin {
        name: plugin.name().clone(),
        component: plugin.digest(),
        settings: Sha256([0; 32]),
    };
    let settings = serde_json::json!({ "allow_plain_http": true });
    let delivery = http.delivery(&settings, DeliveryOptions::default()).await?;
    let policies = match course.pace {
        Pace::Free => Vec::new(),
        Pace::Gated => {
            let progressive = load("policy-progressive").await?;
            let settings = serde_json::json!({
                "cohorts": [
                    { "name": "canary", "percent": 1, "success_rate": 0.9 },
                    { "name": "early", "percent": 10, "success_rate": 0.9 },
                    { "name": "rest" },
                ],
                "abort": { "count": ABORT_COUNT },
            });
            vec![PolicyPart {
                pin: pin(&progressive),
                policy: progressive.policy(&settings).await?,
            }]
        }
    };
    let filter = match course.expression {
        Some(text) => {
            let cel = load("filter-cel").await?;
            Some(FilterPart {
                pin: pin(&cel),
                expression: Some(text.to_owned()),
                filter: cel.filter(Some(text), &serde_json::json!({})).await?,
            })
        }
        None => None,
    };
    Ok(Parts {
        name: RolloutName::new("bench"),
        release: (*work.payload.release).clone(),
        payload: Arc::clone(&work.payload.source) as Arc<dyn PayloadSource>,
        settings: rules(),
        fleet: None,
        filter,
        policies,
        shadows: Vec::new(),
        signals: Vec::new(),
        deliveries: vec![DeliveryPart {
            pin: pin(&http),
            when: None,
            delivery,
        }],
    })
}

/// First failures in one cohort at which the policy gives up.
pub(crate) const ABORT_COUNT: usize = 100;

/// What a configuration has that says nothing of them, but for verification.
pub(crate) fn rules() -> RolloutSettings {
    RolloutSettings {
        retry: RetrySettings {
            attempts: 3,
            backoff: Duration::from_secs(10),
            max_backoff: Duration::from_secs(600),
        },
        timeouts: Timeouts {
            idle: Duration::from_secs(30),
            attempt: Duration::from_secs(3600),
        },
        settle: SettleSettings {
            grace: Duration::from_secs(30),
            on_uncertain: OnUncertain::DeadLetter,
        },
        offline: OfflineDevices::Defer,
        probe_interval: Duration::from_secs(30),
        verify: VerifyMode::Off,
        allow_downgrade: false,
        seed: 1,
        priority: 0,
        concurrency: None,
        connection: Connection::Assumed,
        dynamic: false,
    }
}

//! How long a restart takes with a million assignments, ten thousand of them in flight, and what
//! a decision over them costs:
//!
//! ```text
//! cargo run --release -p windlass-runtime --example restart [TARGETS] [IN-FLIGHT]
//! ```
#![expect(clippy::print_stdout, reason = "its numbers are what it is for")]

use std::{
    collections::BTreeMap,
    error::Error,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use windlass_core::{Candidate, DecideRequest, DeliveryFacts, Gate};
use windlass_model::{
    Assignment, AttemptOutcome, Ceiling, Cohort, CohortIndex, Connection, Connectivity, Decision,
    Device, DeviceId, DeviceKey, Failure, OfflineDevices, OnUncertain, PluginName, PluginPin,
    Release, RetrySettings, RolloutKey, RolloutName, RolloutPlan, RolloutSettings, SettleSettings,
    Sha256, Timeouts, Timestamp, Verdict, Verification, VerifyMode,
};
use windlass_runtime::{
    Attempt, AttemptEnd, Engine, EngineParts, Entry, Executor, Helm, Surroundings, WaitFor,
    bus::Bus,
    clock::{Clock as _, SystemClock},
};
use windlass_store::{Location, Store, StoreThread};

/// Counts what it is asked for; its pushes never end in the first life.
#[derive(Default)]
struct Probe {
    pushes: AtomicU64,
    verified: AtomicU64,
    decided: AtomicU64,
    moved: Notify,
    ends: bool,
}

impl Executor for Probe {
    type Policies = std::convert::Infallible;

    fn prepare(&self, policies: Self::Policies) {
        match policies {}
    }

    fn ask(&self, _: &[windlass_model::PluginPin]) {}

    fn facts(&self) -> DeliveryFacts {
        DeliveryFacts {
            verifies: true,
            idempotent_push: true,
        }
    }

    async fn consider(
        &self,
        rows: Vec<(Assignment, Arc<Device>)>,
        _: Surroundings,
        _: Timestamp,
    ) -> Vec<Candidate> {
        rows.into_iter()
            .map(|(assignment, _)| Candidate {
                assignment,
                gate: Gate::Start { order_key: 0 },
                groups: Vec::new(),
            })
            .collect()
    }

    async fn push(&self, _: Attempt) -> AttemptEnd {
        self.pushes.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_one();
        if !self.ends {
            std::future::pending::<()>().await;
        }
        AttemptEnd {
            outcome: AttemptOutcome::Delivered,
            bytes: 1,
            reached: 1,
        }
    }

    async fn verify(&self, _: Attempt) -> Result<Verification, Failure> {
        self.verified.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_one();
        Ok(Verification::RunsRelease)
    }

    async fn decide(&self, requests: Vec<DecideRequest>) -> Vec<Result<Decision, String>> {
        self.decided.fetch_add(1, Ordering::Relaxed);
        requests
            .into_iter()
            .map(|request| {
                Ok(Decision {
                    ceilings: request
                        .view
                        .cohorts
                        .iter()
                        .map(|_| Ceiling {
                            started: u64::MAX,
                            in_progress: u64::MAX,
                        })
                        .collect(),
                    valid_until: request.view.now.plus(Duration::from_secs(60)),
                    verdict: Verdict::Continue,
                    reasons: Vec::new(),
                    memo: Vec::new(),
                    ask_at: None,
                    triggers: Vec::new(),
                    rechecks: Vec::new(),
                })
            })
            .collect()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| match arguments.next() {
        Some(text) => text.parse(),
        None => Ok(default),
    };
    let targets = number(1_000_000)?;
    let in_flight = number(10_000)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("state.db");

    let begun = Instant::now();
    let rollout = prepare(&file, targets)?;
    println!(
        "{targets} devices and targets written in {:.1?}",
        begun.elapsed()
    );

    let first = Arc::new(Probe::default());
    let life = Life::begin(&file, rollout, &first, in_flight).await?;
    life.until(&first, |probe| {
        probe.pushes.load(Ordering::Relaxed) >= in_flight
    })
    .await;
    // As a crash: nothing is told, nothing is settled.
    life.end().await?;
    println!("{in_flight} pushes are in flight when the engine dies");

    let second = Arc::new(Probe {
        ends: true,
        ..Probe::default()
    });
    let begun = Instant::now();
    let life = Life::begin(&file, rollout, &second, in_flight).await?;
    println!("taken up after {:.2?}", begun.elapsed());
    life.until(&second, |probe| probe.verified.load(Ordering::Relaxed) >= 1)
        .await;
    println!("first unsettled device asked after {:.2?}", begun.elapsed());
    life.until(&second, |probe| {
        probe.verified.load(Ordering::Relaxed) >= in_flight
    })
    .await;
    println!("all {in_flight} asked after {:.2?}", begun.elapsed());
    life.until(&second, |probe| probe.pushes.load(Ordering::Relaxed) >= 1)
        .await;
    println!("first new push after {:.2?}", begun.elapsed());
    let (before, at) = (second.pushes.load(Ordering::Relaxed), Instant::now());
    life.until(&second, |probe| {
        probe.pushes.load(Ordering::Relaxed) >= before + 50_000.min(targets / 2)
    })
    .await;
    let devices = second.pushes.load(Ordering::Relaxed) - before;
    let rate = devices as f64 / at.elapsed().as_secs_f64();
    println!(
        "{rate:.0} devices/s through the engine afterwards, {} decisions taken",
        second.decided.load(Ordering::Relaxed)
    );
    life.end().await?;
    Ok(())
}

struct Life {
    thread: StoreThread,
    engine: tokio::task::JoinHandle<()>,
    _helm: Helm<Probe>,
}

impl Life {
    async fn begin(
        file: &std::path::Path,
        rollout: RolloutKey,
        probe: &Arc<Probe>,
        concurrency: u64,
    ) -> Result<Self, Box<dyn Error>> {
        let store = Store::open(&Location::File(file.to_owned()))?;
        let thread = StoreThread::start(store)?;
        let (engine, helm) = Engine::new(EngineParts {
            clock: SystemClock::new(),
            store: thread.handle(),
            bus: Bus::default(),
            concurrency: NonZeroUsize::new(usize::try_from(concurrency)?).ok_or("some")?,
            groups: Arc::new([]),
            retries_per_minute: None,
        });
        let engine = tokio::spawn(async move {
            if let Err(error) = engine.run().await {
                println!("the engine broke off: {error}");
            }
        });
        helm.add(Entry {
            rollout,
            executor: Arc::clone(probe),
            wait: WaitFor::Done,
        })
        .await?;
        Ok(Self {
            thread,
            engine,
            _helm: helm,
        })
    }

    async fn until(&self, probe: &Probe, reached: impl Fn(&Probe) -> bool) {
        while !reached(probe) {
            probe.moved.notified().await;
        }
    }

    async fn end(self) -> Result<(), Box<dyn Error>> {
        self.engine.abort();
        drop(self.engine.await);
        drop(self.thread.shutdown().await?);
        Ok(())
    }
}

fn prepare(file: &std::path::Path, targets: u64) -> Result<RolloutKey, Box<dyn Error>> {
    let mut store = Store::open(&Location::File(file.to_owned()))?;
    let now = SystemClock::new().now().wall;
    store.import_devices((0..targets).map(device), now)?;
    let release = store.put_release(
        &Release {
            name: "app".into(),
            version: "2.0.0".into(),
            size: 1,
            sha256: Sha256([7; 32]),
            media_type: "application/octet-stream".into(),
        },
        now,
    )?;
    let pin = |name: &str| PluginPin {
        name: PluginName::new(name),
        component: Sha256([1; 32]),
        settings: Sha256([2; 32]),
    };
    let plan = RolloutPlan {
        name: RolloutName::new("big"),
        release,
        settings: settings(),
        cohorts: vec![Cohort {
            name: "all".into(),
            size: targets,
        }],
        filter_expression: None,
        filter: None,
        policies: vec![pin("policy")],
        deliveries: vec![pin("delivery")],
        unselected: 0,
        fleet: None,
        takes_back: None,
    };
    let mut keys = (1..=i64::try_from(targets)?).map(|key| (DeviceKey(key), CohortIndex(0)));
    Ok(store.create_rollout(&plan, &mut keys, now)?)
}

fn device(index: u64) -> Device {
    Device {
        id: DeviceId::new(format!("device-{index:07}")),
        name: String::new(),
        address: "http://127.0.0.1:1".into(),
        kind: None,
        version: Some("1.0.0".into()),
        status: Connectivity::Online,
        location: None,
        timezone: None,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        last_seen: None,
    }
}

fn settings() -> RolloutSettings {
    RolloutSettings {
        retry: RetrySettings {
            attempts: 3,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
        },
        timeouts: Timeouts {
            idle: Duration::from_secs(30),
            attempt: Duration::from_secs(600),
        },
        settle: SettleSettings {
            grace: Duration::from_secs(30),
            on_uncertain: OnUncertain::DeadLetter,
        },
        offline: OfflineDevices::Defer,
        probe_interval: Duration::from_secs(30),
        verify: VerifyMode::WhenPossible,
        allow_downgrade: false,
        seed: 1,
        priority: 0,
        concurrency: None,
        connection: Connection::Assumed,
        dynamic: false,
    }
}

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use windlass_core::DeliveryFacts;
use windlass_model::{
    Cohort, CohortIndex, Connection, Connectivity, DeviceId, DeviceKey, GroupField, GroupLimit,
    LoggedEvent, OfflineDevices, OnUncertain, PluginName, PluginPin, Release, RetrySettings,
    RolloutKey, RolloutName, RolloutPlan, RolloutSettings, Sequence, SettleSettings, Sha256,
    Timeouts, Verdict, VerifyMode,
};
use windlass_runtime::{Engine, EngineParts, Entry, WaitFor, bus::Bus};
use windlass_store::{Fault, Location, Store, StoreHandle};

use super::{
    clock::VirtualClock,
    device::Device,
    executor::{Site, WorldExecutor, lock},
    gauge::Gauge,
    log,
    lottery::Lottery,
    people::{People, is_over},
    policy::Policy,
};

/// A story that has not ended by then, with nothing going wrong any more, never will.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// Events read at once.
const PAGE: usize = 4096;

/// What came of a seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// How often the engine was started.
    pub lives: u32,
    /// Commits that the disk refused.
    pub refused: u32,
    /// Commits whose answer was lost.
    pub unanswered: u32,
    /// Pushes that began.
    pub pushes: u64,
    /// The most transfers at once.
    pub peak: u64,
    /// The log.
    pub events: Vec<LoggedEvent>,
    /// How long it took by the virtual clock, in milliseconds.
    pub millis: u128,
    /// What must not have happened.
    pub violations: Vec<String>,
}

/// Lives through the story of a seed.
///
/// # Panics
/// If the system gives no memory for a runtime or a database.
#[expect(
    clippy::expect_used,
    reason = "a story that cannot begin has nothing to report"
)]
pub fn live_through(seed: u64) -> Story {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O starts")
        .block_on(async { World::draw(seed).live().await })
}

struct World {
    lottery: Lottery,
    clock: VirtualClock,
    store: StoreHandle,
    troubles: Arc<Troubles>,
    site: Arc<Mutex<Site>>,
    devices: Arc<[DeviceId]>,
    rollouts: BTreeMap<RolloutKey, Arc<WorldExecutor>>,
    concurrency: NonZeroUsize,
    groups: Arc<[GroupLimit]>,
    retries_per_minute: Option<NonZeroU32>,
}

/// The disk's.
#[derive(Default)]
struct Troubles {
    over: AtomicBool,
    refused: AtomicU32,
    unanswered: AtomicU32,
}

impl World {
    #[expect(clippy::expect_used, reason = "see live_through")]
    fn draw(seed: u64) -> Self {
        let mut lottery = Lottery::new(seed);
        let clock = VirtualClock::new();
        let troubles = Arc::new(Troubles::default());
        let mut store = Store::open(&Location::Memory).expect("a database in memory opens");
        let most = lottery.between(1, 8);
        let most_of_group = lottery.once_in(2).then(|| lottery.between(1, 3));
        let count = lottery.between(1, 40);
        let mut devices = BTreeMap::new();
        let mut records = Vec::new();
        for index in 0..count {
            let id = DeviceId::new(format!("device-{index}"));
            let mute = lottery.once_in(25);
            devices.insert(id.clone(), Device::new("1.0.0", mute));
            records.push(record(id, &mut lottery));
        }
        store
            .import_devices(records.clone(), clock.wall())
            .expect("the devices are sound");
        let idempotent = lottery.once_in(2);
        let site = Arc::new(Mutex::new(Site {
            devices,
            gauge: Gauge::default(),
            lottery: lottery.fork(),
            calm: false,
            most,
            most_of_group,
            install: (0, 25),
        }));
        let mut rollouts = BTreeMap::new();
        for number in 0..lottery.between(1, 3) {
            let (key, executor) = rollout(
                &mut store,
                number,
                count,
                idempotent,
                &site,
                &mut lottery,
                &clock,
            );
            rollouts.insert(key, Arc::new(executor));
        }
        let store = {
            let troubles = Arc::clone(&troubles);
            let mut lottery = lottery.fork();
            StoreHandle::inline(
                store,
                Box::new(move |_| {
                    if troubles.over.load(Ordering::Relaxed) {
                        return Fault::None;
                    }
                    match lottery.below(120) {
                        0 => {
                            troubles.refused.fetch_add(1, Ordering::Relaxed);
                            Fault::Refuse
                        }
                        1 => {
                            troubles.unanswered.fetch_add(1, Ordering::Relaxed);
                            Fault::LoseAnswer
                        }
                        _ => Fault::None,
                    }
                }),
            )
        };
        let groups: Arc<[GroupLimit]> = most_of_group
            .and_then(|most| NonZeroU32::new(u32::try_from(most).ok()?))
            .map(|most| GroupLimit {
                by: GroupField::Location,
                transfers: Some(most),
                unavailable: lottery
                    .once_in(3)
                    .then_some(NonZeroU32::MIN.saturating_add(2)),
                bandwidth: None,
            })
            .into_iter()
            .collect();
        Self {
            concurrency: usize::try_from(most)
                .ok()
                .and_then(NonZeroUsize::new)
                .unwrap_or(NonZeroUsize::MIN),
            retries_per_minute: if lottery.once_in(3) {
                NonZeroU32::new(20)
            } else {
                None
            },
            devices: records.into_iter().map(|record| record.id).collect(),
            lottery,
            clock,
            store,
            troubles,
            site,
            rollouts,
            groups,
        }
    }

    async fn live(mut self) -> Story {
        let began = Instant::now();
        let mut lives = 0;
        for _ in 0..self.lottery.between(0, 6) {
            lives += 1;
            let length = self.lottery.seconds(1, 400);
            let people = self.lottery.fork();
            // It dies in the middle of whatever it does: everything it held is dropped.
            let _ = tokio::time::timeout(length, self.one_life(people, true)).await;
            tokio::task::yield_now().await;
        }
        lock(&self.site).calm = true;
        self.troubles.over.store(true, Ordering::Relaxed);
        lives += 1;
        let people = self.lottery.fork();
        let last = tokio::time::timeout(LONGEST, self.one_life(people, false)).await;
        let mut violations = match last {
            Ok(Ok(())) => Vec::new(),
            Ok(Err(error)) => vec![format!("the last life broke off: {error}")],
            Err(_) => vec!["it never ends".to_owned()],
        };
        let events = self.events().await;
        violations.extend(log::violations(&events));
        violations.extend(self.leftovers().await);
        let site = lock(&self.site);
        violations.extend(site.gauge.violations.iter().cloned());
        Story {
            lives,
            refused: self.troubles.refused.load(Ordering::Relaxed),
            unanswered: self.troubles.unanswered.load(Ordering::Relaxed),
            pushes: site.gauge.pushes,
            peak: site.gauge.peak,
            events,
            millis: began.elapsed().as_millis(),
            violations,
        }
    }

    /// From the start of an engine to its end, or until it is dropped.
    async fn one_life(&self, lottery: Lottery, meddled: bool) -> Result<(), String> {
        let (engine, helm) = Engine::new(EngineParts {
            clock: self.clock.clone(),
            store: self.store.clone(),
            bus: Bus::default(),
            concurrency: self.concurrency,
            groups: Arc::clone(&self.groups),
            retries_per_minute: self.retries_per_minute,
        });
        let people = People {
            helm: helm.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            rollouts: self.rollouts.keys().copied().collect(),
            devices: Arc::clone(&self.devices),
            lottery,
        };
        let everything = async {
            let mut ends = Vec::new();
            for (key, executor) in &self.rollouts {
                let entered = helm
                    .add(Entry {
                        rollout: *key,
                        executor: Arc::clone(executor),
                        wait: WaitFor::Done,
                    })
                    .await
                    .map_err(|error| error.to_string())?;
                ends.push(entered.end);
            }
            for end in ends {
                end.await.map_err(|_| "the engine ended".to_owned())?;
            }
            Ok::<(), String>(())
        };
        let meddling = async move {
            if meddled {
                people.meddle().await
            } else {
                people.tidy_up().await
            }
        };
        tokio::select! {
            biased;
            ended = engine.run() => ended.map_err(|error| format!("{error:?}")),
            ended = everything => ended,
            never = meddling => match never {},
        }
    }

    async fn events(&self) -> Vec<LoggedEvent> {
        let mut events = Vec::new();
        loop {
            let after = Sequence(events.len() as u64);
            let page = self
                .store
                .run(move |store| store.events(after, PAGE, None))
                .await;
            let Ok(Ok(page)) = page else { return events };
            let whole = page.len() == PAGE;
            events.extend(page);
            if !whole {
                return events;
            }
        }
    }

    /// What is not as it should be when everything is over.
    async fn leftovers(&self) -> Vec<String> {
        let keys: Vec<_> = self.rollouts.keys().copied().collect();
        let looked = self
            .store
            .run(move |store| {
                let mut found = Vec::new();
                for key in keys {
                    match store.snapshot(key) {
                        Ok(snapshot) => {
                            if !is_over(snapshot.rollout.state) {
                                found
                                    .push(format!("rollout {key} is {:?}", snapshot.rollout.state));
                            }
                            for cohort in &snapshot.cohorts {
                                if cohort.states.ended() != cohort.size {
                                    found.push(format!("rollout {key} forgot devices: {cohort:?}"));
                                }
                            }
                        }
                        Err(error) => found.push(error.to_string()),
                    }
                }
                if let Err(error) = store.check() {
                    found.push(error.to_string());
                }
                found
            })
            .await;
        looked.unwrap_or_else(|error| vec![error.to_string()])
    }
}

fn record(id: DeviceId, lottery: &mut Lottery) -> windlass_model::Device {
    let status = match lottery.below(4) {
        0 => Connectivity::Offline,
        1 => Connectivity::Unknown,
        _ => Connectivity::Online,
    };
    windlass_model::Device {
        name: id.to_string(),
        address: format!("http://{id}"),
        id,
        kind: None,
        version: Some("1.0.0".into()),
        status,
        location: Some(format!("site-{}", lottery.below(4))),
        timezone: None,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        last_seen: None,
    }
}

#[expect(clippy::expect_used, reason = "see live_through")]
fn rollout(
    store: &mut Store,
    number: u64,
    devices: u64,
    idempotent: bool,
    site: &Arc<Mutex<Site>>,
    lottery: &mut Lottery,
    clock: &VirtualClock,
) -> (RolloutKey, WorldExecutor) {
    let now = clock.wall();
    let same_name = lottery.once_in(2);
    let release = Release {
        name: if same_name {
            "app".into()
        } else {
            format!("app-{number}")
        },
        version: format!("{}.0.0", number + 2),
        size: 1000,
        sha256: Sha256([u8::try_from(number).unwrap_or(u8::MAX); 32]),
        media_type: "application/octet-stream".into(),
    };
    let key = store
        .put_release(&release, now)
        .expect("the release is kept");
    let first = lottery.between(0, devices);
    let policies: Vec<_> = (0..lottery.between(0, 2))
        .map(|_| policy(lottery))
        .collect();
    let pin = |name: String| PluginPin {
        name: PluginName::new(name),
        component: Sha256([1; 32]),
        settings: Sha256([2; 32]),
    };
    let settings = settings(lottery);
    let plan = RolloutPlan {
        name: RolloutName::new(format!("rollout-{number}")),
        release: key,
        settings: settings.clone(),
        cohorts: vec![
            Cohort {
                name: "first".into(),
                size: first,
            },
            Cohort {
                name: "rest".into(),
                size: devices - first,
            },
        ],
        filter_expression: None,
        filter: None,
        policies: (0..policies.len())
            .map(|policy| pin(format!("policy-{policy}")))
            .collect(),
        deliveries: vec![pin("delivery".into())],
        unselected: 0,
        fleet: None,
        takes_back: None,
    };
    let mut targets = (1..)
        .take(usize::try_from(devices).unwrap_or(usize::MAX))
        .map(|key: i64| {
            let cohort = u32::from(key.unsigned_abs() > first);
            (DeviceKey(key), CohortIndex(cohort))
        });
    let key = store
        .create_rollout(&plan, &mut targets, now)
        .expect("the rollout is kept");
    let executor = WorldExecutor {
        site: Arc::clone(site),
        release,
        settings,
        policies,
        facts: DeliveryFacts {
            verifies: true,
            idempotent_push: idempotent,
        },
    };
    (key, executor)
}

fn settings(lottery: &mut Lottery) -> RolloutSettings {
    RolloutSettings {
        retry: RetrySettings {
            attempts: u32::try_from(lottery.between(1, 4)).unwrap_or(1),
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
        },
        timeouts: Timeouts {
            idle: Duration::from_secs(30),
            attempt: Duration::from_secs(300),
        },
        settle: SettleSettings {
            grace: Duration::from_secs(40),
            on_uncertain: if lottery.once_in(2) {
                OnUncertain::PushAgain
            } else {
                OnUncertain::DeadLetter
            },
        },
        offline: if lottery.once_in(3) {
            OfflineDevices::Skip
        } else {
            OfflineDevices::Defer
        },
        probe_interval: Duration::from_secs(20),
        verify: VerifyMode::WhenPossible,
        allow_downgrade: lottery.once_in(4),
        seed: lottery.below(1000),
        priority: i32::try_from(lottery.below(3)).unwrap_or_default(),
        concurrency: if lottery.once_in(3) {
            NonZeroU32::new(2)
        } else {
            None
        },
        connection: if lottery.once_in(4) {
            Connection::Known
        } else {
            Connection::Assumed
        },
        dynamic: false,
    }
}

fn policy(lottery: &mut Lottery) -> Policy {
    let verdict = match lottery.below(3) {
        0 => Verdict::Pause,
        1 => Verdict::Abort,
        _ => Verdict::RollBack,
    };
    Policy {
        width: lottery.between(1, 6),
        limit: lottery
            .once_in(3)
            .then(|| (lottery.between(1, 10), verdict)),
        asks: lottery.once_in(3),
        holds: if lottery.once_in(3) {
            lottery.seconds(0, 300)
        } else {
            Duration::ZERO
        },
    }
}

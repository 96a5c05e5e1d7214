//! The process that owns a state file: it drives rollouts, its own and those that other
//! terminals hand it, and carries out what is asked on the control socket.
//!
//! - `berths`: which rollouts are in hand.
//! - `enter`: from what was prepared to a rollout that is driven.
//! - `leg`: what is heard of one.
//! - `voyage`: what is heard of one and of those that take it back.
//! - `grow`: devices that match later.
//! - `take_back`: the rollouts that take another back.
//! - `left_behind`: whom they cannot.
//! - `execute`: chores, the same for an owner and for a command that found none.
//! - `swap`, `shift`: other policies for a rollout, and how they differ.
//! - `gone_back`: policies that failed and were taken back, though the configuration names them.
//! - `find`, `look`: what people name, and what the state file has.
//! - `desk`: requests of the control socket.
//! - `upkeep`: what is old is dropped.

mod berths;
mod desk;
mod enter;
mod execute;
mod find;
mod gone_back;
mod grow;
mod left_behind;
mod leg;
mod look;
mod shadow;
mod shift;
mod swap;
mod take_back;
mod upkeep;
mod voyage;

use std::{
    num::NonZeroU32,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use tokio::task::JoinHandle;
use windlass_host::Host;
use windlass_model::{EngineBounds, Timestamp};
use windlass_runtime::{
    Bandwidth, Engine, EngineError, EngineParts, Helm, PluginExecutor,
    bus::Bus,
    clock::{Clock as _, SystemClock},
};
use windlass_store::{StoreHandle, StoreThread};

use crate::{
    command::Failure,
    config::{Config, EngineSection, StateLocation},
    control::Server,
    setup,
};

use berths::Berths;
use grow::Growing;
use upkeep::Upkeep;

pub use enter::RunOptions;
pub use execute::{Who, execute};
pub use find::{device_named, hint, letters_of, rollout_meant, rollout_named, waiting_gates};
pub use left_behind::Parting;
pub use leg::{Leg, Step};
pub use voyage::{Sight, Voyage};

/// What every request to an owner needs. Dropped when the last one is answered.
pub struct Owner {
    host: Arc<Host>,
    store: StoreHandle,
    helm: Helm<PluginExecutor>,
    bus: Bus,
    clock: SystemClock,
    bandwidth: Arc<Bandwidth>,
    /// What the engine was started with.
    engine: EngineSection,
    berths: Berths,
    growing: Growing,
    /// Whether every rollout was told to stop: nothing is taken up any more.
    stopping: AtomicBool,
}

impl Owner {
    /// Every rollout starts nothing more, finishes what is in flight and comes back.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.helm.stop(None).await;
    }

    /// Every rollout comes back at once.
    pub async fn cut(&self) {
        self.helm.cut(None).await;
    }

    /// The rollouts that are driven.
    pub fn driven(&self) -> Vec<windlass_model::RolloutName> {
        self.berths.driven()
    }
}

/// An owner with what it must join when it ends.
pub struct Ownership {
    owner: Arc<Owner>,
    engine: JoinHandle<Result<(), EngineError>>,
    server: Option<Server>,
    upkeep: Upkeep,
    thread: StoreThread,
}

impl Ownership {
    /// Takes the configured state file and starts an engine without rollouts; listens
    /// beside the file if there is one.
    ///
    /// # Errors
    /// If the file is owned by another process, or cannot be used.
    pub fn start(config: &Config, host: &Arc<Host>) -> Result<Self, Failure> {
        let mut store = setup::open_state(config)?;
        let clock = SystemClock::new();
        store
            .put_bounds(&bounds(&config.engine, clock.now().wall))
            .context("the bounds of the engine could not be kept")?;
        let thread = StoreThread::start(store).context("the store cannot start")?;
        let limits: Arc<[_]> = config.engine.limits.clone().into();
        let bus = Bus::default();
        let (engine, helm) = Engine::new(EngineParts {
            clock,
            store: thread.handle(),
            bus: bus.clone(),
            concurrency: config.engine.concurrency,
            groups: Arc::clone(&limits),
            retries_per_minute: config.engine.retries_per_minute,
        });
        let owner = Arc::new(Owner {
            host: Arc::clone(host),
            store: thread.handle(),
            helm,
            bus,
            clock,
            bandwidth: Arc::new(Bandwidth::new(
                Arc::clone(host),
                config.engine.bandwidth,
                &limits,
            )),
            engine: config.engine.clone(),
            berths: Berths::default(),
            growing: Growing::default(),
            stopping: AtomicBool::new(false),
        });
        let server = match &config.engine.state {
            StateLocation::Memory => None,
            StateLocation::File(path) => listen(path, &owner),
        };
        Ok(Self {
            owner,
            engine: host.beside_sockets(engine.run()),
            server,
            upkeep: Upkeep::start(thread.handle(), clock, config.retention),
            thread,
        })
    }

    /// The owner.
    pub fn owner(&self) -> &Arc<Owner> {
        &self.owner
    }

    /// Whether the engine has ended, which it does before it is told only if it broke off.
    pub fn is_broken(&self) -> bool {
        self.engine.is_finished()
    }

    /// Waits until the rollouts of other terminals are over, and lets go of the state file.
    ///
    /// # Errors
    /// If the engine or the state file failed.
    pub async fn end(self) -> Result<(), Failure> {
        let Self {
            owner,
            engine,
            server,
            upkeep,
            thread,
        } = self;
        if !engine.is_finished() {
            owner.berths.empty().await;
        }
        if let Some(server) = server {
            server.close().await;
        }
        upkeep.end().await;
        // With the last helm the engine ends.
        drop(owner);
        let ended = match engine.await {
            Ok(ended) => ended,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        thread.shutdown().await.context("the state file failed")?;
        ended.context("the rollout broke off; the same command goes on")?;
        Ok(())
    }
}

/// For those who ask, also after its end, what a device waited for.
fn bounds(engine: &EngineSection, since: Timestamp) -> EngineBounds {
    let transfers = u32::try_from(engine.concurrency.get()).ok();
    EngineBounds {
        since,
        transfers: transfers
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MAX),
        bandwidth: engine.bandwidth,
        retries_per_minute: engine.retries_per_minute,
        groups: engine.limits.clone(),
    }
}

/// A rollout needs no control socket: without one it runs all the same.
fn listen(state: &std::path::Path, owner: &Arc<Owner>) -> Option<Server> {
    let state: PathBuf = std::fs::canonicalize(state).unwrap_or_else(|_| state.to_owned());
    match Server::start(&state, Arc::clone(owner)) {
        Ok(server) => Some(server),
        Err(error) => {
            let diagnostic = crate::diagnostic::Diagnostic::warning(error.to_string());
            setup::with_causes(diagnostic, &error)
                .note("other terminals cannot steer this run")
                .emit();
            None
        }
    }
}

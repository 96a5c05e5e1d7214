use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::task::JoinHandle;
use wasmtime::Engine;
use windlass_model::PluginName;

use crate::{
    AmongGuests, Inspection, Limits, LoadError, Plugin, StartError,
    cache::ArtifactCache,
    egress::{Egress, EgressConfig},
    engine::{Ticker, engine_config},
    guest::{MemoryPool, Slots},
    load::{self, Linkers},
    payload::Throttle,
    runtimes::Runtimes,
    shared::{Numbers, Shared},
    startup::{self, Sizes},
};

/// How a host is set up.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Pushes at once.
    pub concurrency: NonZeroUsize,
    /// Where compiled components are kept; none keeps none. Made if need be, and closed to
    /// others.
    pub cache_dir: Option<PathBuf>,
    /// What guests may use.
    pub limits: Limits,
}

/// The engine that plugins run in. Plugins that it loaded keep it alive.
pub struct Host {
    loader: Loader,
}

/// What loading needs.
pub(crate) struct Loader {
    pub(crate) shared: Arc<Shared>,
    pub(crate) linkers: Linkers,
    pub(crate) cache: Option<Arc<ArtifactCache>>,
}

impl Host {
    /// Starts the engine and its threads. Raises the limit on open files as far as allowed.
    ///
    /// # Errors
    ///
    /// If the machine's limits do not fit the concurrency; the error says which is short
    /// and what to type.
    pub fn start(config: HostConfig) -> Result<Self, StartError> {
        let HostConfig {
            concurrency,
            cache_dir,
            limits,
        } = config;
        let runtimes = Runtimes::start().map_err(StartError::Threads)?;
        let sizes = Sizes::new(concurrency, runtimes.guest_workers())?;
        startup::check(&sizes)?;
        let refused = |cause: wasmtime::Error| StartError::Engine {
            instances: sizes.instances(),
            cause: cause.into(),
        };
        let engine = Engine::new(&engine_config(&limits, sizes.instances())).map_err(refused)?;
        let linkers = Linkers::new(&engine).map_err(refused)?;
        let cache = match cache_dir {
            Some(path) => match ArtifactCache::open(&path, &engine) {
                Ok(cache) => Some(Arc::new(cache)),
                Err(source) => return Err(StartError::Cache { path, source }),
            },
            None => None,
        };
        let ticker = Ticker::start(&engine).map_err(StartError::Threads)?;
        let connections = EgressConfig::for_jobs(sizes.transfers + sizes.queries);
        let egress = Egress::new(runtimes.io().clone(), connections);
        let shared = Shared {
            egress: Arc::new(egress),
            memory: MemoryPool::new(limits.host_memory),
            filters: [Slots::new(sizes.filters)],
            policies: [Slots::new(sizes.policies)],
            deliveries: [Slots::new(sizes.queries), Slots::new(sizes.transfers)],
            numbers: Numbers::default(),
            engine,
            limits,
            runtimes,
            _ticker: ticker,
        };
        Ok(Self {
            loader: Loader {
                shared: Arc::new(shared),
                linkers,
                cache,
            },
        })
    }

    /// Loads `component` as the plugin that is configured as `name`: compiles it or takes
    /// it from the cache, checks what it is and imports, and asks it to describe itself.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub async fn load(&self, name: PluginName, component: Bytes) -> Result<Plugin, LoadError> {
        load::load(&self.loader, name, component).await
    }

    /// Runs `work` where guests run: a thousand decisions that are asked for there cost no
    /// change of threads each. It is for work that asks most of the time. Dropping what is
    /// returned cancels it.
    pub fn among_guests<T, F, W>(&self, work: W) -> impl Future<Output = T> + Send + use<T, F, W>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
        W: FnOnce(AmongGuests) -> F,
    {
        let work = work(AmongGuests::new());
        let shared = Arc::clone(&self.loader.shared);
        async move { shared.runtimes.on_guests(work).await }
    }

    /// Runs `work` on the threads of sockets and timers, and keeps those alive until it ends: for
    /// what is woken by transfers most of the time, such as the loop that gathers them, and never
    /// blocks. On threads of its own each wake could cost a change of threads.
    pub fn beside_sockets<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let shared = Arc::clone(&self.loader.shared);
        // Not an `async` block, which would hold the work twice.
        let work = work.inspect(move |_| drop(shared));
        self.loader.shared.runtimes.io().spawn(work)
    }

    /// A bound on bandwidth, for any number of jobs to share.
    pub fn throttle(&self, bytes_per_second: NonZeroU64) -> Arc<Throttle> {
        let timers = self.loader.shared.runtimes.io().clone();
        Throttle::new(bytes_per_second, timers)
    }

    /// Says what `component` is, as [`load`](Self::load) would find it.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn inspect(&self, component: Bytes) -> Result<Inspection, LoadError> {
        let plugin = self.load(PluginName::new("inspected"), component).await?;
        Ok(plugin.inspection())
    }
}

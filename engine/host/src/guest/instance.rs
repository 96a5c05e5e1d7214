use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tracing::Instrument;
use wasmtime::{
    Store, Trap, UpdateDeadline,
    component::{InstancePre, ResourceAny},
};
use wasmtime_wasi::I32Exit;
use windlass_model::{PluginName, Sha256};

use super::{
    memory::{MemoryAccount, MemoryBound},
    meter::CpuTimeUsedUp,
    state::State,
};
use crate::{
    LoadError, PluginError, PluginErrorKind,
    contract::{Contract, Description},
    error::Cause,
    limits::HANDLES,
    shared::Shared,
};

/// What instances are made from: a component under the name that it was configured by.
pub(crate) struct Template<C: Contract> {
    pub(crate) plugin: PluginName,
    pub(crate) digest: Sha256,
    pub(crate) shared: Arc<Shared>,
    pre: InstancePre<State>,
    indices: C::Indices,
}

/// How much time one call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The function's name, for people.
    pub(crate) call: &'static str,
    /// CPU time.
    pub(crate) cpu: Duration,
    /// Wall time; none where a lease bounds it.
    pub(crate) wall: Option<Duration>,
}

/// A component that was instantiated, alone in its store.
pub(crate) struct Started<C: Contract> {
    pub(crate) store: Store<State>,
    guest: Arc<C::Guest>,
}

/// One running instance that was opened with settings.
pub(crate) struct Instance<C: Contract> {
    pub(crate) started: Started<C>,
    /// What `open` returned.
    pub(crate) resource: ResourceAny,
    /// Host objects that it held then: streams of its runtime.
    pub(crate) handles: usize,
    /// Calls that it served since.
    pub(crate) uses: u32,
}

impl<C: Contract> Template<C> {
    pub(crate) fn new(
        plugin: PluginName,
        digest: Sha256,
        shared: Arc<Shared>,
        pre: InstancePre<State>,
    ) -> wasmtime::Result<Self> {
        Ok(Self {
            indices: C::indices(&pre)?,
            plugin,
            digest,
            shared,
            pre,
        })
    }

    /// Bounds of a call that does no I/O, with `extra` CPU time for what it is given.
    pub(crate) fn bounds(&self, call: &'static str, extra: Duration) -> Bounds {
        let limits = &self.shared.limits;
        let cpu = limits.call_cpu + extra;
        Bounds {
            call,
            cpu,
            wall: Some(limits.call_wall + 4 * cpu),
        }
    }

    /// Makes an instance. Its start functions run within the bounds of a call.
    pub(crate) async fn start(&self) -> Result<Started<C>, PluginError> {
        let mut store = self.store();
        let bounds = self.bounds("start", Duration::ZERO);
        let pre = self.pre.clone();
        let started = self
            .frame(&mut store, bounds, |store| {
                Box::pin(async move { pre.instantiate_async(store).await })
            })
            .await?;
        let guest = C::load(&self.indices, &mut store, &started).map_err(|error| {
            let kind = PluginErrorKind::Instantiate;
            self.error(kind, bounds.call, &store, Some(error.into()))
        })?;
        Ok(Started {
            store,
            guest: Arc::new(guest),
        })
    }

    /// Asks a fresh instance to describe itself.
    pub(crate) async fn describe(&self) -> Result<Description, LoadError> {
        let opened = self.shared.numbers.opened();
        let (_place, _) = C::slots(&self.shared)[0].lend(opened).await;
        let mut started = self.start().await.map_err(LoadError::Describe)?;
        let bounds = self.bounds("describe", Duration::ZERO);
        self.call(&mut started, bounds, |store, guest| {
            C::describe(store, guest)
        })
        .await
        .map_err(LoadError::Describe)
    }

    /// Calls into `started` within `bounds`. After an error it must not be used again: a
    /// trap poisons its store.
    pub(crate) async fn call<T>(
        &self,
        started: &mut Started<C>,
        bounds: Bounds,
        call: impl for<'a> FnOnce(
            &'a mut Store<State>,
            Arc<C::Guest>,
        ) -> BoxFuture<'a, wasmtime::Result<T>>,
    ) -> Result<T, PluginError> {
        let guest = Arc::clone(&started.guest);
        self.frame(&mut started.store, bounds, |store| call(store, guest))
            .await
    }

    /// A fault of `started` that no trap told of.
    pub(crate) fn fault(
        &self,
        started: &Started<C>,
        call: &'static str,
        kind: PluginErrorKind,
    ) -> PluginError {
        self.error(kind, call, &started.store, None)
    }

    /// A fault that was found in an answer after its instance was given back.
    pub(crate) fn broken_contract(&self, call: &'static str, kind: PluginErrorKind) -> PluginError {
        PluginError {
            kind,
            plugin: self.plugin.clone(),
            digest: self.digest,
            call,
            stderr: Box::default(),
            cause: None,
        }
    }

    async fn frame<T>(
        &self,
        store: &mut Store<State>,
        bounds: Bounds,
        call: impl for<'a> FnOnce(&'a mut Store<State>) -> BoxFuture<'a, wasmtime::Result<T>>,
    ) -> Result<T, PluginError> {
        let span = tracing::debug_span!(
            "plugin_call",
            plugin = %self.plugin,
            digest = %self.digest,
            call = bounds.call,
            cpu_us = tracing::field::Empty,
            memory = tracing::field::Empty,
            host_calls = tracing::field::Empty,
        );
        let meter = Arc::clone(&store.data().meter);
        meter.begin(bounds.cpu);
        store.set_epoch_deadline(1);
        let charged = meter.charge(call(store)).instrument(span.clone());
        let end = match bounds.wall {
            Some(limit) => tokio::time::timeout(limit, charged)
                .await
                .map_err(|_| limit),
            None => Ok(charged.await),
        };
        let cpu = u64::try_from(meter.spent().as_micros()).unwrap_or(u64::MAX);
        span.record("cpu_us", cpu);
        span.record("memory", store.data().memory.used());
        span.record("host_calls", meter.host_calls());
        let (kind, cause) = match end {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => classify(error, bounds, store.data().memory.denied()),
            Err(limit) => (PluginErrorKind::WallTime { limit }, None),
        };
        Err(self.error(kind, bounds.call, store, cause))
    }

    fn error(
        &self,
        kind: PluginErrorKind,
        call: &'static str,
        store: &Store<State>,
        cause: Option<Cause>,
    ) -> PluginError {
        PluginError {
            kind,
            plugin: self.plugin.clone(),
            digest: self.digest,
            call,
            stderr: store.data().output.take().into(),
            cause,
        }
    }

    fn store(&self) -> Store<State> {
        let shared = &self.shared;
        let memory = MemoryAccount::new(Arc::clone(&shared.memory), shared.limits.instance_memory);
        let state = State::new(C::KIND, self.plugin.clone(), memory, &shared.egress);
        let mut store = Store::new(&shared.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(C::CALL_BYTES);
        store.set_max_component_handles(HANDLES);
        let meter = Arc::clone(&store.data().meter);
        store.epoch_deadline_callback(move |_| {
            meter.check()?;
            Ok(UpdateDeadline::Yield(1))
        });
        let meter = Arc::clone(&store.data().meter);
        store.call_hook(move |_, hook| {
            meter.hook(hook);
            Ok(())
        });
        store
    }
}

/// What an error that came out of a call means.
fn classify(
    error: wasmtime::Error,
    bounds: Bounds,
    denied: Option<MemoryBound>,
) -> (PluginErrorKind, Option<Cause>) {
    if error.is::<CpuTimeUsedUp>() {
        return (PluginErrorKind::CpuTime { budget: bounds.cpu }, None);
    }
    if error.is::<I32Exit>() {
        return (PluginErrorKind::Exit, None);
    }
    tracing::debug!(call = bounds.call, "the plugin failed: {error:?}");
    if let Some(bound) = denied {
        return (PluginErrorKind::Memory(bound), None);
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => (PluginErrorKind::Trap, Some(Box::new(*trap))),
        // What is no trap comes from the boundary between guest and host: a value that is
        // none of its type, too many handles, too many bytes.
        None => (
            PluginErrorKind::Contract(error.root_cause().to_string().into()),
            None,
        ),
    }
}

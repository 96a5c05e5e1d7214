use std::sync::Arc;

use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use windlass_model::PluginName;

use super::{constant::make_constant, memory::MemoryAccount, meter::Meter, output::Output};
use crate::{
    Kind,
    capability::{CurrentJob, HttpHooks},
    egress::Egress,
    limits::{HANDLES, HTTP_FIELD_BYTES, RANDOM_BYTES},
};

/// What the host keeps for one instance: the data of its store.
pub(crate) struct State {
    pub(crate) plugin: PluginName,
    pub(crate) table: ResourceTable,
    pub(crate) http_hooks: HttpHooks,
    pub(crate) job: Option<CurrentJob>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) memory: MemoryAccount,
    pub(crate) output: Output,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

impl State {
    pub(crate) fn new(
        kind: Kind,
        plugin: PluginName,
        memory: MemoryAccount,
        egress: &Arc<Egress>,
    ) -> Self {
        let output = Output::default();
        let mut wasi = WasiCtx::builder();
        wasi.stdout(output.clone())
            .stderr(output.clone())
            .max_random_size(RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        match kind {
            Kind::Filter | Kind::Policy => make_constant(&mut wasi),
            // A raw socket would outlive its job in a kept instance, and end like a finished
            // one if its guest trapped: connections are made by the egress alone.
            Kind::Delivery => {}
        }
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HTTP_FIELD_BYTES);
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Self {
            plugin,
            table,
            http_hooks: HttpHooks::new(Arc::clone(egress)),
            job: None,
            meter: Arc::default(),
            memory,
            output,
            wasi: wasi.build(),
            http,
        }
    }

    /// Takes `job` in hand: from here on the instance may do what its lease allows.
    pub(crate) fn begin_job(&mut self, job: CurrentJob) {
        self.http_hooks.lease(Some(Arc::clone(job.lease())));
        self.job = Some(job);
    }

    /// Lets go of the job: nothing may be done any more.
    pub(crate) fn end_job(&mut self) {
        self.http_hooks.lease(None);
        self.job = None;
    }

    /// Host objects that the guest holds.
    pub(crate) fn handles(&mut self) -> usize {
        self.table.iter_mut().count()
    }
}

// The interface has types only.
impl crate::bindings::types::Host for State {}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.http_hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

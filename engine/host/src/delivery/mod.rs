mod attempt;
mod job;

pub use job::{Capabilities, DeliveryOptions, DeviceState, Job, ProbeLimits, PushEnd};

use std::sync::Arc;

use futures_util::future::BoxFuture;
use wasmtime::{Store, component::ResourceAny};
use windlass_model::{AttemptOutcome, Device, Failure, FailureKind, Verification};

use crate::{
    OpenError, PluginErrorKind,
    bindings::protocol::{DeliveryError, Guest, Receipt},
    capability::PayloadHandle,
    contract::{DeliveryContract, Opening},
    convert::{self, Projection, cut, device_record, device_state, job_record},
    guest::{Opened, State, Template},
    payload::PayloadSource,
};
use attempt::{Stop, Work};

/// A delivery that was opened with settings. Cheap to clone.
///
/// Its instances serve one job at a time. An instance is thrown away after its last use,
/// and at once when a job failed, was cancelled, or left anything open.
#[derive(Clone)]
pub struct Delivery {
    opened: Arc<Opened<DeliveryContract>>,
    projection: Arc<Projection>,
    capabilities: Capabilities,
    schemes: Arc<[String]>,
    options: Arc<DeliveryOptions>,
}

impl Delivery {
    pub(crate) async fn open(
        template: Arc<Template<DeliveryContract>>,
        opening: Opening,
        (capabilities, schemes): (Capabilities, Vec<String>),
        options: DeliveryOptions,
    ) -> Result<Self, OpenError> {
        let shared = Arc::clone(&template.shared);
        shared
            .runtimes
            .on_guests(async move {
                let opened = Opened::open(template, opening).await?;
                let projection = opened.projection().await?;
                Ok(Self {
                    opened,
                    projection,
                    capabilities,
                    schemes: schemes.into(),
                    options: Arc::new(options),
                })
            })
            .await
    }

    /// What it can do.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// URL schemes of addresses that it serves, in lower case; empty for any.
    pub fn schemes(&self) -> &[String] {
        &self.schemes
    }

    /// Delivers the payload of `source` to the job's device. Dropping the future cancels
    /// it; then nothing looks finished to the device that is not.
    pub async fn push(&self, job: Job, source: Arc<dyn PayloadSource>) -> PushEnd {
        let opened = Arc::clone(&self.opened);
        let options = Arc::clone(&self.options);
        let shared = Arc::clone(&opened.template.shared);
        let work = {
            let mebibytes = source.size().div_ceil(1 << 20);
            let mebibytes = u32::try_from(mebibytes).unwrap_or(u32::MAX);
            let cpu = shared.limits.payload_cpu.saturating_mul(mebibytes);
            Work::of_push(&job, source.size(), cpu)
        };
        let record = job_record(&job, &self.projection);
        drop(job);
        let ended = shared
            .runtimes
            .on_guests(async move {
                let [_, transfers] = &opened.template.shared.deliveries;
                work.run(
                    &opened,
                    transfers,
                    &options,
                    "push",
                    |store, guest, delivery, lease| {
                        Box::pin(async move {
                            let payload = PayloadHandle { source, lease };
                            let payload = store.data_mut().table.push(payload)?;
                            let deliveries = guest.configured_delivery();
                            deliveries
                                .call_push(store, delivery, &record, payload)
                                .await
                        })
                    },
                )
                .await
            })
            .await;
        PushEnd {
            outcome: match ended.answer {
                Ok(Receipt::Delivered) => AttemptOutcome::Delivered,
                Ok(Receipt::Offered(offer)) => AttemptOutcome::Offered(cut(offer)),
                Err(Stop::Cancelled) => AttemptOutcome::Cancelled,
                Err(Stop::Failed(failure)) => AttemptOutcome::Failed(failure),
            },
            bytes_sent: ended.bytes_sent,
            reached: ended.reached,
        }
    }

    /// What the job's device runs now.
    ///
    /// # Errors
    ///
    /// If that cannot be found out at the moment.
    pub async fn verify(&self, job: Job) -> Result<Verification, Failure> {
        let record = job_record(&job, &self.projection);
        let said = self
            .query(Work::of_query(&job), "verify", |store, guest, delivery| {
                Box::pin(async move {
                    let deliveries = guest.configured_delivery();
                    deliveries.call_verify(store, delivery, &record).await
                })
            })
            .await?;
        Ok(convert::verification(said))
    }

    /// What `device` is and runs.
    ///
    /// # Errors
    ///
    /// If that cannot be found out at the moment.
    pub async fn probe(
        &self,
        device: Arc<Device>,
        limits: ProbeLimits,
    ) -> Result<DeviceState, Failure> {
        let record = device_record(&device, &self.projection);
        let said = self
            .query(
                Work::of_probe(device, limits),
                "probe",
                |store, guest, delivery| {
                    Box::pin(async move {
                        let deliveries = guest.configured_delivery();
                        deliveries.call_probe(store, delivery, &record).await
                    })
                },
            )
            .await?;
        device_state(said).map_err(|kind| self.broken_contract("probe", kind))
    }

    async fn query<T: Send + 'static>(
        &self,
        work: Work,
        name: &'static str,
        call: impl for<'a> FnOnce(
            &'a mut Store<State>,
            Arc<Guest>,
            ResourceAny,
        ) -> BoxFuture<'a, wasmtime::Result<Result<T, DeliveryError>>>
        + Send
        + 'static,
    ) -> Result<T, Failure> {
        let opened = Arc::clone(&self.opened);
        let options = Arc::clone(&self.options);
        let shared = Arc::clone(&opened.template.shared);
        let ended = shared
            .runtimes
            .on_guests(async move {
                let [queries, _] = &opened.template.shared.deliveries;
                work.run(
                    &opened,
                    queries,
                    &options,
                    name,
                    |store, guest, delivery, _| call(store, guest, delivery),
                )
                .await
            })
            .await;
        ended.answer.map_err(|stop| match stop {
            Stop::Cancelled => Failure::new(FailureKind::Shutdown, "the question was withdrawn"),
            Stop::Failed(failure) => failure,
        })
    }

    fn broken_contract(&self, call: &'static str, kind: PluginErrorKind) -> Failure {
        let error = self.opened.template.broken_contract(call, kind);
        Failure::new(FailureKind::Plugin, error.summary())
    }
}

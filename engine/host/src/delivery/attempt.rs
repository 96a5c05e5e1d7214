use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use wasmtime::{Store, component::ResourceAny};
use windlass_model::{Device, Failure, FailureKind};

use super::{DeliveryOptions, Job, ProbeLimits};
use crate::{
    PluginError,
    bindings::protocol::{DeliveryError, Guest},
    capability::CurrentJob,
    contract::DeliveryContract,
    convert,
    egress::{Target, TargetError},
    guest::{Bounds, Opened, Slots, State},
    lease::{JobObserver, Lease, LeaseTerms, Overdue, Poison, Stall},
    payload::Throttle,
};

/// What the lease and the clocks of one call are made from.
pub(super) struct Work {
    device: Arc<Device>,
    idle: Duration,
    deadline: Duration,
    cancel: CancellationToken,
    observer: Arc<dyn JobObserver>,
    throttles: Vec<Arc<Throttle>>,
    /// 0 where there is no payload.
    payload_size: u64,
    /// CPU time beyond that of any call.
    extra_cpu: Duration,
}

/// Why a call brought no answer of use.
pub(super) enum Stop {
    Cancelled,
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<PluginError> for Stop {
    fn from(error: PluginError) -> Self {
        Failure::new(FailureKind::Plugin, error.summary()).into()
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Self {
        Failure::new(FailureKind::Other, error.to_string()).into()
    }
}

/// What a call came to, and what was sent meanwhile.
pub(super) struct Ended<T> {
    pub(super) answer: Result<T, Stop>,
    pub(super) bytes_sent: u64,
    /// How far into the payload it came.
    pub(super) reached: u64,
}

impl Work {
    pub(super) fn of_push(job: &Job, payload_size: u64, extra_cpu: Duration) -> Self {
        Self {
            payload_size,
            extra_cpu,
            ..Self::of_query(job)
        }
    }

    pub(super) fn of_query(job: &Job) -> Self {
        Self {
            device: Arc::clone(&job.device),
            idle: job.idle,
            deadline: job.deadline,
            cancel: job.cancel.clone(),
            observer: Arc::clone(&job.observer),
            throttles: job.throttles.clone(),
            payload_size: 0,
            extra_cpu: Duration::ZERO,
        }
    }

    pub(super) fn of_probe(device: Arc<Device>, limits: ProbeLimits) -> Self {
        struct Deaf;

        impl JobObserver for Deaf {
            fn progress(&self, _bytes: u64) {}
            fn checkpoint(&self, _data: Vec<u8>) {}
        }

        Self {
            device,
            idle: limits.idle,
            deadline: limits.deadline,
            cancel: CancellationToken::new(),
            observer: Arc::new(Deaf),
            throttles: Vec::new(),
            payload_size: 0,
            extra_cpu: Duration::ZERO,
        }
    }

    /// Calls a function of the delivery under a lease of its own, which is dead when this
    /// returns. The instance is kept only if all went well and it let go of everything.
    pub(super) async fn run<T>(
        self,
        opened: &Opened<DeliveryContract>,
        slots: &Arc<Slots<DeliveryContract>>,
        options: &DeliveryOptions,
        name: &'static str,
        call: impl for<'a> FnOnce(
            &'a mut Store<State>,
            Arc<Guest>,
            ResourceAny,
            Arc<Lease>,
        ) -> BoxFuture<'a, wasmtime::Result<Result<T, DeliveryError>>>,
    ) -> Ended<T> {
        let end = Instant::now() + self.deadline;
        let nothing_sent = |stop| Ended {
            answer: Err(stop),
            bytes_sent: 0,
            reached: 0,
        };
        let reach = match reach(&self.device, options) {
            Ok(reach) => reach,
            Err(error) => return nothing_sent(error.into()),
        };
        let ready = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return nothing_sent(Stop::Cancelled),
            // Before the timer, which costs nothing if an instance is at hand.
            ready = opened.ready(slots) => ready,
            () = tokio::time::sleep_until(end.into()) => return nothing_sent(late(self.deadline)),
        };
        let mut ready = match ready {
            Ok(ready) => ready,
            Err(error) => return nothing_sent(error.into()),
        };
        let template = &opened.template;
        let lease = Lease::new(LeaseTerms {
            generation: template.shared.numbers.generation(),
            plugin: template.plugin.clone(),
            reach,
            idle: self.idle,
            deadline: end,
            response_limit: options.response_limit,
            payload_size: self.payload_size,
            cancel: self.cancel.clone(),
            observer: Arc::clone(&self.observer),
            throttles: self.throttles.clone(),
        });
        let instance = &mut ready.instance;
        instance.uses += 1;
        let state = instance.started.store.data_mut();
        state.begin_job(CurrentJob::new(
            Arc::clone(&lease),
            template.plugin.clone(),
            self.device.id.clone(),
        ));
        let bounds = Bounds {
            // The lease's deadline says it, below.
            wall: None,
            ..template.bounds(name, self.extra_cpu)
        };
        let resource = instance.resource;
        let leased = Arc::clone(&lease);
        let (answer, returned) = {
            let mut call = Box::pin(template.call(
                &mut instance.started,
                bounds,
                |store, guest| call(store, guest, resource, leased),
            ));
            // Dropped before the call and its store: see `Lease::poison`.
            let _cut_off = CutOff(&lease);
            tokio::select! {
                biased;
                answer = &mut call => {
                    let returned = answer.is_ok();
                    (judge(answer, &lease), returned)
                }
                () = self.cancel.cancelled() => {
                    lease.poison(Poison::Cancelled);
                    (Err(Stop::Cancelled), false)
                }
                overdue = lease.overdue(template.shared.runtimes.io()) => {
                    (Err(self.given_up(overdue, &lease)), false)
                }
            }
        };
        let (bytes_sent, reached) = (lease.sent_bytes(), lease.progress());
        if returned {
            let state = instance.started.store.data_mut();
            state.end_job();
            if state.handles() <= instance.handles
                && instance.uses < template.shared.limits.delivery_uses
            {
                ready.keep();
            }
        }
        Ended {
            answer,
            bytes_sent,
            reached,
        }
    }

    fn given_up(&self, overdue: Overdue, lease: &Lease) -> Stop {
        let idle = self.idle;
        match overdue {
            Overdue::Deadline => {
                lease.poison(Poison::TimedOut);
                late(self.deadline)
            }
            Overdue::Idle(Stall::Peer) => {
                lease.poison(Poison::TimedOut);
                let text = format!("nothing moved for {idle:?}");
                Failure::new(FailureKind::TimedOut, text).into()
            }
            Overdue::Idle(Stall::Source) => {
                lease.poison(Poison::Source);
                let text = format!("the payload could not be read for {idle:?}");
                Failure::new(FailureKind::Source, text).into()
            }
        }
    }
}

/// Ends a lease when the call under it has ended or is dropped.
struct CutOff<'a>(&'a Lease);

impl Drop for CutOff<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Where a job for `device` may go.
fn reach(device: &Device, options: &DeliveryOptions) -> Result<Vec<Target>, TargetError> {
    std::iter::once(&device.address)
        .chain(&options.grants)
        .map(|address| Target::parse(address))
        .collect()
}

/// What an answer means, given what happened under its lease.
fn judge<T>(
    answer: Result<Result<T, DeliveryError>, PluginError>,
    lease: &Lease,
) -> Result<T, Stop> {
    if answer.is_err() {
        lease.poison(Poison::PluginFailed);
    }
    // A payload that cannot be read looks like a broken connection to the plugin.
    if let Some(source) = lease.source_failure() {
        return Err(Failure::new(FailureKind::Source, source.to_string()).into());
    }
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) if lease.terms().cancel.is_cancelled() => Err(Stop::Cancelled),
        Ok(Err(error)) => Err(convert::failure(error).into()),
        Err(error) => Err(error.into()),
    }
}

fn late(deadline: Duration) -> Stop {
    let text = format!("the attempt was not over within {deadline:?}");
    Failure::new(FailureKind::TimedOut, text).into()
}

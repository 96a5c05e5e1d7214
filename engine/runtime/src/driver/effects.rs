//! One arm per effect; each starts a task that brings back one input.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use windlass_core::{Candidate, Effect, Gate, Input};
use windlass_model::{Assignment, AssignmentId, AttemptId, Device, DeviceKey, Reason, Timestamp};
use windlass_store::{StoreError, StoreHandle};

use super::{Attempt, AttemptEnd, Considered, Done, Driver, Executor, Page};
use crate::clock::Clock;

/// How long a device is put off that another rollout has to settle.
const FENCED_DELAY: Duration = Duration::from_secs(10);

type Rows = Vec<(Assignment, Device)>;

impl<C: Clock, E: Executor> Driver<C, E> {
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Page {
                cohort,
                after,
                limit,
            } => {
                let (store, key) = (self.store.clone(), self.key);
                self.consider(async move {
                    let rows = store
                        .run(move |store| store.pending(key, cohort, after, limit))
                        .await??;
                    let exhausted = rows.len() < limit;
                    Ok((rows, Page::Pending { cohort, exhausted }))
                });
            }
            Effect::PageDeferred { limit } => {
                let (store, key, now) = (self.store.clone(), self.key, self.clock.now().wall);
                self.consider(async move {
                    store
                        .run(move |store| {
                            let rows = store.deferred_due(key, now, limit)?;
                            let next_due = store.next_deferred_after(key, now)?;
                            Ok((rows, Page::Deferred { next_due }))
                        })
                        .await?
                });
            }
            Effect::Start {
                assignment,
                device,
                attempt,
                number,
            } => {
                let of = Of {
                    assignment,
                    device,
                    attempt,
                };
                self.push(of, number);
            }
            Effect::Verify {
                assignment,
                device,
                attempt,
            } => self.verify(Of {
                assignment,
                device,
                attempt,
            }),
            Effect::Cancel {
                assignment,
                attempt,
            } => self.live.cancel(assignment, attempt),
            Effect::Decide { requests } => {
                let executor = Arc::clone(&self.executor);
                self.tasks.start(async move {
                    Done::Input(Input::Decided {
                        answers: executor.decide(requests).await,
                    })
                });
            }
            // The loop itself does this, because it dispatches again afterwards.
            Effect::NeedAttemptIds => {}
            Effect::Finished(outcome) => self.finished = Some(outcome),
        }
    }

    fn consider(
        &mut self,
        page: impl Future<Output = Result<(Rows, Page), StoreError>> + Send + 'static,
    ) {
        let (executor, clock) = (Arc::clone(&self.executor), self.clock.clone());
        let store = self.store.clone();
        self.tasks.start(async move {
            let (rows, answer) = match page.await {
                Ok(page) => page,
                Err(error) => return Done::Failed(error),
            };
            let fenced = match fenced(&store, &rows).await {
                Ok(fenced) => fenced,
                Err(error) => return Done::Failed(error),
            };
            let now = clock.now().wall;
            let mut considered = Vec::with_capacity(rows.len());
            let mut free = Vec::with_capacity(rows.len());
            for (row, device) in rows {
                let device = Arc::new(device);
                if fenced.contains(&row.device) {
                    let candidate = Candidate {
                        assignment: row,
                        gate: elsewhere(now),
                    };
                    considered.push(Considered { candidate, device });
                } else {
                    free.push((row, device));
                }
            }
            let devices: Vec<_> = free.iter().map(|(_, device)| Arc::clone(device)).collect();
            let candidates = executor.consider(free, now).await;
            let pairs = candidates.into_iter().zip(devices);
            considered.extend(pairs.map(|(candidate, device)| Considered { candidate, device }));
            considered.sort_by_key(|one| one.candidate.assignment.id);
            Done::Considered {
                candidates: considered,
                answer,
            }
        });
    }

    fn push(&mut self, of: Of, number: u32) {
        let Of {
            assignment,
            attempt,
            ..
        } = of;
        let cancel = self.live.begin(assignment, attempt);
        let transfer = Some(Arc::new(self.tracker.begin(attempt)));
        let device = self.device(of);
        let executor = Arc::clone(&self.executor);
        self.tasks.start(async move {
            let device = match device.await {
                Ok(device) => device,
                Err(error) => return Done::Failed(error),
            };
            let counted = transfer.clone();
            let work = Attempt {
                assignment,
                id: attempt,
                number,
                device,
                cancel,
                transfer,
            };
            let AttemptEnd { outcome, bytes } = executor.push(work).await;
            // Reports on the way are coalesced; the end is exact.
            if let Some(counted) = counted {
                counted.sent(bytes);
            }
            Done::Input(Input::AttemptEnded {
                assignment,
                attempt,
                outcome,
                bytes,
            })
        });
    }

    fn verify(&mut self, of: Of) {
        let Of {
            assignment,
            attempt,
            ..
        } = of;
        let cancel = self.live.begin(assignment, attempt);
        let device = self.device(of);
        let executor = Arc::clone(&self.executor);
        self.tasks.start(async move {
            let device = match device.await {
                Ok(device) => device,
                Err(error) => return Done::Failed(error),
            };
            let work = Attempt {
                assignment,
                id: attempt,
                number: 0,
                device,
                cancel,
                transfer: None,
            };
            let answer = executor.verify(work).await;
            Done::Input(Input::Verified {
                assignment,
                attempt,
                answer,
            })
        });
    }

    /// The device as it was judged, or as the registry has it if that was before a restart.
    fn device(
        &self,
        of: Of,
    ) -> impl Future<Output = Result<Arc<Device>, StoreError>> + Send + use<C, E> {
        let known = self.live.device(of.assignment);
        let store = self.store.clone();
        async move {
            match known {
                Some(device) => Ok(device),
                None => Ok(Arc::new(
                    store
                        .run(move |store| store.device_by_key(of.device))
                        .await??,
                )),
            }
        }
    }
}

/// Devices that another rollout has not settled: what its last attempt did is not known, so
/// nobody else may push to them.
async fn fenced(store: &StoreHandle, rows: &Rows) -> Result<BTreeSet<DeviceKey>, StoreError> {
    let devices: Vec<_> = rows.iter().map(|(row, _)| row.device).collect();
    store.run(move |store| store.fenced(&devices)).await?
}

fn elsewhere(now: Timestamp) -> Gate {
    Gate::Defer {
        until: now.plus(FENCED_DELAY),
        needs_connection: false,
        reason: Some(Reason {
            code: "other-rollout".into(),
            cohort: None,
            parameters: BTreeMap::new(),
            text: "another rollout has not settled its last attempt on this device".into(),
        }),
    }
}

/// An attempt and whose it is.
#[derive(Clone, Copy)]
struct Of {
    assignment: AssignmentId,
    device: DeviceKey,
    attempt: AttemptId,
}

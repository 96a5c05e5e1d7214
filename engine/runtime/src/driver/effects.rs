//! One arm per effect; each starts a task that brings back one input.

use std::sync::Arc;

use windlass_core::{Effect, Input};
use windlass_model::{Assignment, AssignmentId, AttemptId, Device, DeviceKey};
use windlass_store::StoreError;

use super::{Attempt, AttemptEnd, Considered, Done, Driver, Executor, Page};
use crate::clock::Clock;

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
        self.tasks.start(async move {
            let (rows, answer) = match page.await {
                Ok(page) => page,
                Err(error) => return Done::Failed(error),
            };
            let rows: Vec<_> = rows
                .into_iter()
                .map(|(row, device)| (row, Arc::new(device)))
                .collect();
            let devices: Vec<_> = rows.iter().map(|(_, device)| Arc::clone(device)).collect();
            let candidates = executor.consider(rows, clock.now().wall).await;
            let pairs = candidates.into_iter().zip(devices);
            let candidates = pairs
                .map(|(candidate, device)| Considered { candidate, device })
                .collect();
            Done::Considered { candidates, answer }
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

/// An attempt and whose it is.
#[derive(Clone, Copy)]
struct Of {
    assignment: AssignmentId,
    device: DeviceKey,
    attempt: AttemptId,
}

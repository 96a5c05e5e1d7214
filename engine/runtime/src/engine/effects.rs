//! One arm per effect; each starts a task that brings back one input.

use std::sync::Arc;

use futures_util::FutureExt as _;
use windlass_core::{Candidate, Effect, GroupHealth, GroupSeat, Input, ShadowRequest};
use windlass_model::{
    Assignment, AssignmentId, AttemptId, CohortIndex, Device, DeviceKey, RolloutKey, Timestamp,
};
use windlass_store::{Store, StoreError};

use super::{
    Attempt, AttemptEnd, Engine, Executor,
    surroundings::{Asker, Survey},
};
use crate::clock::Clock;

/// What a task brings back, and for whom.
pub(super) struct Tagged {
    pub(super) rollout: RolloutKey,
    /// Which of the rollout's runs asked.
    pub(super) run: u64,
    /// Under which of the run's plans.
    pub(super) plan: u64,
    pub(super) done: Done,
}

pub(super) enum Done {
    Input(Input),
    /// What a policy in shadow said: nobody waits for it.
    Aside(Input),
    Considered(Considered),
    Failed(StoreError),
}

impl Done {
    /// Whether it answers what only holds for the policies and cohorts that it was asked of.
    pub(super) fn is_of_plan(&self) -> bool {
        match self {
            Self::Considered(_) | Self::Input(Input::Decided { .. } | Input::Succeeded { .. }) => {
                true
            }
            Self::Input(_) | Self::Aside(_) | Self::Failed(_) => false,
        }
    }
}

/// Devices that were looked at.
pub(super) struct Considered {
    pub(super) looked: Vec<Looked>,
    pub(super) page: Page,
    pub(super) health: GroupHealth,
}

/// A candidate with the device record that it was judged by.
pub(super) struct Looked {
    pub(super) candidate: Candidate,
    pub(super) device: Arc<Device>,
}

/// Which page was asked for.
pub(super) enum Page {
    Pending {
        cohort: CohortIndex,
        exhausted: bool,
    },
    Deferred {
        next_due: Option<Timestamp>,
    },
    Retries,
}

type Rows = Vec<(Assignment, Device)>;

impl<C: Clock, E: Executor> Engine<C, E> {
    pub(super) fn perform(&mut self, key: RolloutKey, effect: Effect) {
        match effect {
            Effect::Page {
                cohort,
                after,
                limit,
            } => {
                self.consider(key, move |store| {
                    let rows = store.pending(key, cohort, after, limit)?;
                    let exhausted = rows.len() < limit;
                    Ok((rows, Page::Pending { cohort, exhausted }))
                });
            }
            Effect::PageDeferred { by, limit } => {
                self.consider(key, move |store| {
                    let rows = store.deferred_due(key, by, limit)?;
                    let next_due = store.next_deferred_after(key, by)?;
                    Ok((rows, Page::Deferred { next_due }))
                });
            }
            Effect::Reconsider { rows } => {
                self.consider(key, move |store| {
                    let with_device = |row: Assignment| {
                        let device = store.device_by_key(row.device)?;
                        Ok((row, device))
                    };
                    let rows = rows.into_iter().map(with_device);
                    Ok((rows.collect::<Result<_, StoreError>>()?, Page::Retries))
                });
            }
            Effect::Start {
                assignment,
                device,
                attempt,
                number,
            } => {
                let of = Of {
                    rollout: key,
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
                rollout: key,
                assignment,
                device,
                attempt,
            }),
            Effect::PageSucceeded {
                cohort,
                after,
                limit,
            } => self.page_succeeded(key, cohort, after, limit),
            Effect::Recheck {
                assignment,
                device,
                attempt,
            } => self.recheck(Of {
                rollout: key,
                assignment,
                device,
                attempt,
            }),
            Effect::Cancel {
                assignment,
                attempt,
            } => {
                if let Some(running) = self.running.get(&key) {
                    running.live.cancel(assignment, attempt);
                }
            }
            Effect::Decide { requests } => {
                if let Some(running) = self.running.get(&key) {
                    let executor = Arc::clone(&running.executor);
                    self.start(key, async move {
                        Done::Input(Input::Decided {
                            answers: executor.decide(requests).await,
                        })
                    });
                }
            }
            Effect::AskShadows { requests } => {
                for request in requests {
                    self.ask_shadow(key, request);
                }
            }
            // The loop itself does this, because it dispatches again afterwards.
            Effect::NeedAttemptIds | Effect::TakePoliciesBack { .. } => {}
            Effect::Finished(outcome) => {
                if let Some(running) = self.running.get_mut(&key) {
                    running.finished = Some(outcome);
                }
            }
        }
    }

    pub(super) fn start(
        &mut self,
        rollout: RolloutKey,
        work: impl Future<Output = Done> + Send + 'static,
    ) {
        if let Some(running) = self.running.get_mut(&rollout) {
            running.tasks += 1;
            let (run, plan) = (running.run, running.plans);
            // Not an `async` block, which would hold the work twice: as it was given and as it
            // is awaited.
            self.tasks.start(work.map(move |done| Tagged {
                rollout,
                run,
                plan,
                done,
            }));
        }
    }

    /// Not one of the tasks for whose end the rollout is seen to wait.
    fn ask_shadow(&mut self, rollout: RolloutKey, request: ShadowRequest) {
        let Some(running) = self.running.get(&rollout) else {
            return;
        };
        let executor = Arc::clone(&running.executor);
        let (run, plan) = (running.run, running.plans);
        self.tasks.start(async move {
            let shadow = request.shadow;
            let answer = executor.ask_shadow(request).await;
            Tagged {
                rollout,
                run,
                plan,
                done: Done::Aside(Input::ShadowAnswered { shadow, answer }),
            }
        });
    }

    fn consider(
        &mut self,
        key: RolloutKey,
        page: impl FnOnce(&Store) -> Result<(Rows, Page), StoreError> + Send + 'static,
    ) {
        let Some(running) = self.running.get(&key) else {
            return;
        };
        let (executor, clock) = (Arc::clone(&running.executor), self.clock.clone());
        let (store, limits) = (self.store.clone(), Arc::clone(&self.groups));
        let asker = Asker {
            rollout: key,
            driven: self.running.keys().copied().collect(),
            limits: Arc::clone(&limits),
            now: clock.now(),
        };
        self.start(key, async move {
            let read = store.run(|store| {
                store.at_one_instant(|store| {
                    let (rows, page) = page(store)?;
                    let survey = asker.survey(store, &rows)?;
                    Ok((rows, page, survey))
                })
            });
            let (rows, page, survey) = match read.await.map_err(StoreError::from).flatten() {
                Ok(read) => read,
                Err(error) => return Done::Failed(error),
            };
            let Survey {
                apart,
                around,
                health,
            } = survey;
            let now = clock.now().wall;
            let mut looked = Vec::with_capacity(rows.len());
            let mut free = Vec::with_capacity(rows.len());
            for (row, device) in rows {
                let device = Arc::new(device);
                match apart.gate(row.device, &around, now) {
                    Some(gate) => {
                        let candidate = Candidate {
                            assignment: row,
                            gate,
                            groups: Vec::new(),
                        };
                        looked.push(Looked { candidate, device });
                    }
                    None => free.push((row, device)),
                }
            }
            let devices: Vec<_> = free.iter().map(|(_, device)| Arc::clone(device)).collect();
            let candidates = executor.consider(free, around, now).await;
            let pairs = candidates.into_iter().zip(devices);
            looked.extend(pairs.map(|(mut candidate, device)| {
                candidate.groups = GroupSeat::of(&limits, &device);
                Looked { candidate, device }
            }));
            looked.sort_by_key(|one| one.candidate.assignment.id);
            Done::Considered(Considered {
                looked,
                page,
                health,
            })
        });
    }

    fn push(&mut self, of: Of, number: u32) {
        let Of {
            assignment,
            attempt,
            ..
        } = of;
        let Some(running) = self.running.get_mut(&of.rollout) else {
            return;
        };
        let cancel = running.live.begin(assignment, attempt);
        let transfer = Some(Arc::new(running.tracker.begin(attempt)));
        let executor = Arc::clone(&running.executor);
        let device = self.device(of);
        self.start(of.rollout, async move {
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
            let AttemptEnd {
                outcome,
                bytes,
                reached,
            } = executor.push(work).await;
            // Reports on the way are coalesced; the end is exact.
            if let Some(counted) = counted {
                counted.sent(bytes);
            }
            Done::Input(Input::AttemptEnded {
                assignment,
                attempt,
                outcome,
                bytes,
                reached,
            })
        });
    }

    fn verify(&mut self, of: Of) {
        let Of {
            assignment,
            attempt,
            ..
        } = of;
        let Some(running) = self.running.get_mut(&of.rollout) else {
            return;
        };
        let cancel = running.live.begin(assignment, attempt);
        let executor = Arc::clone(&running.executor);
        let device = self.device(of);
        self.start(of.rollout, async move {
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
        let running = self.running.get(&of.rollout);
        let known = running.and_then(|running| running.live.device(of.assignment));
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
pub(super) struct Of {
    pub(super) rollout: RolloutKey,
    pub(super) assignment: AssignmentId,
    pub(super) device: DeviceKey,
    pub(super) attempt: AttemptId,
}

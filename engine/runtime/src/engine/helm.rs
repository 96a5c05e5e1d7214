use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use windlass_core::Refusal;
use windlass_model::{DeviceKey, Order, PolicySwap, RolloutKey};
use windlass_store::{ExtendConflict, StoreError, SwapConflict};

use super::{EngineError, Executor, RunEnd, ShadowError, ShadowOrder, WaitFor};
use crate::progress::Progress;

/// How the rest of the process speaks to a running [`Engine`](super::Engine). Cheap to clone;
/// when the last one is gone the engine ends with its last rollout.
#[derive(Debug)]
pub struct Helm<E: Executor> {
    messages: mpsc::Sender<Message<E>>,
}

impl<E: Executor> Clone for Helm<E> {
    fn clone(&self) -> Self {
        Self {
            messages: self.messages.clone(),
        }
    }
}

/// A rollout for the engine to drive.
#[derive(Debug)]
pub struct Entry<E> {
    /// As the store has it.
    pub rollout: RolloutKey,
    /// Who carries out its effects.
    pub executor: Arc<E>,
    /// When its run comes back from waiting.
    pub wait: WaitFor,
}

/// What can be heard of a rollout that the engine drives.
#[derive(Debug)]
pub struct Entered {
    /// Samples of how far it is, a few a second.
    pub progress: watch::Receiver<Option<Progress>>,
    /// How its run came out; broken off if the engine failed.
    pub end: oneshot::Receiver<RunEnd>,
}

/// Why an order was not carried out. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum SteerError {
    /// The engine does not drive this rollout.
    #[error("the rollout is not running")]
    NotRunning,
    /// It does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The state file failed, or the engine has ended.
    #[error("the order could not be kept")]
    Store(#[from] StoreError),
    /// The state file refused it; the engine read everything anew.
    #[error("the state file failed, and the order was not kept")]
    NotKept,
    /// The engine has ended.
    #[error("the engine has ended")]
    Gone,
}

/// Why a rollout took no further devices. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// The engine does not drive this rollout, or no longer.
    #[error("the rollout is not running")]
    NotRunning,
    /// It takes none, or the state file failed.
    #[error(transparent)]
    Refused(#[from] ExtendConflict),
    /// The engine has ended.
    #[error("the engine has ended")]
    Gone,
}

/// Why policies were not swapped. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// The engine does not drive this rollout, or no longer.
    #[error("the rollout is not running")]
    NotRunning,
    /// It does not fit, or the state file failed.
    #[error(transparent)]
    Refused(SwapConflict),
    /// The engine has ended.
    #[error("the engine has ended")]
    Gone,
}

pub(super) enum Message<E: Executor> {
    Add(Box<Entry<E>>, oneshot::Sender<Result<Entered, EngineError>>),
    Steer {
        rollout: RolloutKey,
        order: Order,
        answer: oneshot::Sender<Result<(), SteerError>>,
    },
    Grow {
        rollout: RolloutKey,
        devices: Vec<DeviceKey>,
        answer: oneshot::Sender<Result<u64, GrowError>>,
    },
    Swap {
        rollout: RolloutKey,
        swap: Arc<PolicySwap>,
        policies: E::Policies,
        answer: oneshot::Sender<Result<(), SwapError>>,
    },
    Shadow {
        rollout: RolloutKey,
        order: Arc<ShadowOrder>,
        policies: Option<E::Policies>,
        answer: oneshot::Sender<Result<(), ShadowError>>,
    },
    Refresh,
    Stop(Option<RolloutKey>),
    Cut(Option<RolloutKey>),
}

impl<E: Executor> Helm<E> {
    pub(super) fn new(messages: usize) -> (Self, mpsc::Receiver<Message<E>>) {
        let (messages, received) = mpsc::channel(messages);
        (Self { messages }, received)
    }

    /// Takes a rollout up where the store has it, and begins.
    ///
    /// # Errors
    /// If the store cannot be read, or the engine has ended (which is a [`StoreError`] too:
    /// it only ends before its helm does when its store fails).
    pub async fn add(&self, entry: Entry<E>) -> Result<Entered, EngineError> {
        let (answer, answered) = oneshot::channel();
        let gone = || EngineError::from(windlass_store::Stopped);
        self.messages
            .send(Message::Add(Box::new(entry), answer))
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Gives an order. It is durable when this returns.
    ///
    /// # Errors
    /// See [`SteerError`].
    pub async fn steer(&self, rollout: RolloutKey, order: Order) -> Result<(), SteerError> {
        let (answer, answered) = oneshot::channel();
        self.messages
            .send(Message::Steer {
                rollout,
                order,
                answer,
            })
            .await
            .map_err(|_| SteerError::Gone)?;
        answered.await.map_err(|_| SteerError::Gone)?
    }

    /// Puts devices at the end of the last cohort of a rollout that is driven; returns how
    /// many it did not have. It is durable when this returns.
    ///
    /// # Errors
    /// See [`GrowError`].
    pub async fn grow(
        &self,
        rollout: RolloutKey,
        devices: Vec<DeviceKey>,
    ) -> Result<u64, GrowError> {
        let (answer, answered) = oneshot::channel();
        self.messages
            .send(Message::Grow {
                rollout,
                devices,
                answer,
            })
            .await
            .map_err(|_| GrowError::Gone)?;
        answered.await.map_err(|_| GrowError::Gone)?
    }

    /// Puts other policies in force in a rollout that is driven. It is durable when this
    /// returns.
    ///
    /// # Errors
    /// See [`SwapError`].
    pub async fn swap(
        &self,
        rollout: RolloutKey,
        swap: Arc<PolicySwap>,
        policies: E::Policies,
    ) -> Result<(), SwapError> {
        let (answer, answered) = oneshot::channel();
        self.messages
            .send(Message::Swap {
                rollout,
                swap,
                policies,
                answer,
            })
            .await
            .map_err(|_| SwapError::Gone)?;
        answered.await.map_err(|_| SwapError::Gone)?
    }

    /// Puts a policy in shadow of a rollout that is driven, or takes it out. It is durable when
    /// this returns.
    ///
    /// # Errors
    /// See [`ShadowError`].
    pub async fn shadow(
        &self,
        rollout: RolloutKey,
        order: Arc<ShadowOrder>,
        policies: Option<E::Policies>,
    ) -> Result<(), ShadowError> {
        let (answer, answered) = oneshot::channel();
        self.messages
            .send(Message::Shadow {
                rollout,
                order,
                policies,
                answer,
            })
            .await
            .map_err(|_| ShadowError::Gone)?;
        answered.await.map_err(|_| ShadowError::Gone)?
    }

    /// Holds or the registry changed: devices that wait for them are looked at now.
    pub async fn refresh(&self) {
        self.tell(Message::Refresh).await;
    }

    /// Starts nothing more, lets what is in flight finish, and ends the run; of all rollouts
    /// without a key.
    pub async fn stop(&self, rollout: Option<RolloutKey>) {
        self.tell(Message::Stop(rollout)).await;
    }

    /// Ends the run at once: what is in flight is cut and settled by the next run.
    pub async fn cut(&self, rollout: Option<RolloutKey>) {
        self.tell(Message::Cut(rollout)).await;
    }

    /// An engine that has ended needs not be told.
    async fn tell(&self, message: Message<E>) {
        self.messages.send(message).await.ok();
    }
}

//! Orders at random, and at the end a patient operator who brings everything to its end.

use std::{sync::Arc, time::Duration};

use windlass_model::{
    Connectivity, DeviceId, DeviceKey, Hold, HoldKind, HoldSubject, InFlight, Observation,
    ObservationSource, Order, RolloutKey, RolloutState, Steering,
};
use windlass_runtime::Helm;
use windlass_store::StoreHandle;

use super::{clock::VirtualClock, executor::WorldExecutor, lottery::Lottery};

/// How often the patient operator looks.
const ROUNDS: Duration = Duration::from_secs(120);

pub(super) struct People {
    pub(super) helm: Helm<WorldExecutor>,
    pub(super) store: StoreHandle,
    pub(super) clock: VirtualClock,
    pub(super) rollouts: Vec<RolloutKey>,
    pub(super) devices: Arc<[DeviceId]>,
    pub(super) lottery: Lottery,
}

impl People {
    /// Gives orders that come to mind, for ever. Those that do not fit are refused.
    pub(super) async fn meddle(mut self) -> std::convert::Infallible {
        loop {
            let pause = self.lottery.seconds(1, 120);
            tokio::time::sleep(pause).await;
            let Some(rollout) = self.lottery.pick(&self.rollouts).copied() else {
                continue;
            };
            if self.lottery.once_in(12) {
                self.clock.step(match self.lottery.below(3) {
                    0 => -90_000,
                    1 => 90_000,
                    _ => 1_000,
                });
            }
            if self.lottery.once_in(6) {
                self.hold_or_lift().await;
                continue;
            }
            let order = self.order();
            // Whether it fits is the engine's to say.
            drop(self.helm.steer(rollout, order).await);
        }
    }

    fn order(&mut self) -> Order {
        let device = self
            .lottery
            .pick(&self.devices)
            .cloned()
            .unwrap_or_else(|| DeviceId::new("none"));
        let what = match self.lottery.below(24) {
            0..=3 => Steering::Pause,
            4..=9 => Steering::Resume,
            10 if self.lottery.once_in(4) => Steering::Abort {
                in_flight: if self.lottery.once_in(2) {
                    InFlight::Cancel
                } else {
                    InFlight::Finish
                },
            },
            11..=13 => Steering::Approve {
                gate: "second".into(),
                expires: None,
            },
            14 => Steering::Advance {
                full: self.lottery.once_in(3),
            },
            15 => Steering::Exclude { device },
            16..=18 => Steering::Retry { device },
            19..=21 => Steering::Requeue {
                devices: vec![device],
            },
            22 => Steering::Dismiss {
                devices: vec![device],
            },
            _ => Steering::Resume,
        };
        Order {
            actor: "somebody".into(),
            reason: String::new(),
            what,
        }
    }

    async fn hold_or_lift(&mut self) {
        let Some(device) = self.lottery.pick(&self.devices).cloned() else {
            return;
        };
        let subject = HoldSubject::Device(device);
        let at = self.clock.wall();
        let lifts = self.lottery.once_in(2);
        let until = at.plus(self.lottery.seconds(10, 900));
        let done = self
            .store
            .run(move |store| {
                if lifts {
                    store.lift_hold(&subject, "somebody", "", at).map(drop)
                } else {
                    store.place_hold(&Hold {
                        subject,
                        kind: HoldKind::Hold,
                        until: Some(until),
                        actor: "somebody".into(),
                        reason: String::new(),
                        at,
                    })
                }
            })
            .await;
        // A refused commit is one of the things that happen here.
        drop(done);
        self.helm.refresh().await;
    }

    /// Lifts every pause, opens every gate and repairs every device, for ever.
    pub(super) async fn tidy_up(self) -> std::convert::Infallible {
        loop {
            self.repair().await;
            for rollout in &self.rollouts {
                for what in [
                    Steering::Resume,
                    Steering::Approve {
                        gate: "second".into(),
                        expires: None,
                    },
                ] {
                    let order = Order {
                        actor: "operator".into(),
                        reason: "the end of the story".into(),
                        what,
                    };
                    drop(self.helm.steer(*rollout, order).await);
                }
            }
            tokio::time::sleep(ROUNDS).await;
        }
    }
}

impl People {
    /// Every device is seen to be well: one that failed counts against its group until then.
    async fn repair(&self) {
        let at = self.clock.wall();
        let seen: Vec<_> = (1..)
            .map(DeviceKey)
            .take(self.devices.len())
            .map(|device| Observation {
                device,
                at,
                source: ObservationSource::Contact,
                version: None,
                status: Some(Connectivity::Online),
            })
            .collect();
        drop(self.store.run(move |store| store.observe(&seen)).await);
    }
}

/// Whether nothing is left to do.
pub(super) fn is_over(state: RolloutState) -> bool {
    matches!(state, RolloutState::Aborted | RolloutState::Completed)
}

//! Where a rollout stands, and who or what brought it there, from the log.

use windlass_model::{EventKind, LoggedEvent, Outcome, Reason, RolloutState, Steering, Timestamp};

/// A person's order, as the log has it.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) at: Timestamp,
    pub(super) actor: String,
    pub(super) reason: String,
    pub(super) order: Steering,
}

/// A rollout at an instant.
#[derive(Clone, Debug)]
pub struct Course {
    pub(super) state: RolloutState,
    /// Since when it is held, paused or given up, and why.
    pub(super) since: Option<(Timestamp, Vec<Reason>)>,
    /// When an engine took it up that did not say since that it is done with it.
    pub(super) taken_up: Option<Timestamp>,
    pub(super) orders: Vec<Given>,
}

impl Course {
    /// By the events of the rollout that speak of no single device, in order.
    pub(super) fn of(events: &[LoggedEvent]) -> Self {
        let mut course = Self {
            state: RolloutState::Draft,
            since: None,
            taken_up: None,
            orders: Vec::new(),
        };
        for logged in events {
            course.follow(logged.event.at, &logged.event.kind);
        }
        course
    }

    fn follow(&mut self, at: Timestamp, kind: &EventKind) {
        match kind {
            EventKind::RolloutStarted { .. } => {
                self.taken_up = Some(at);
                self.enter(RolloutState::Running, None);
            }
            EventKind::RolloutContinued { .. } => {
                self.taken_up = Some(at);
                if self.state == RolloutState::Draft {
                    self.state = RolloutState::Running;
                }
            }
            EventKind::RolloutHolding { reasons } => {
                self.enter(RolloutState::Holding, Some((at, reasons.clone())));
            }
            EventKind::RolloutPaused { reasons } => {
                self.enter(RolloutState::Paused, Some((at, reasons.clone())));
            }
            EventKind::RolloutAborting { reasons } => {
                self.enter(RolloutState::Aborting, Some((at, reasons.clone())));
            }
            EventKind::RolloutReleased
            | EventKind::RolloutResumed { .. }
            | EventKind::RolloutReopened => self.enter(RolloutState::Running, None),
            EventKind::RolloutCompleted { outcome, .. } => {
                self.taken_up = None;
                match outcome {
                    Outcome::Completed => self.state = RolloutState::Completed,
                    Outcome::Aborted => self.state = RolloutState::Aborted,
                    Outcome::Held | Outcome::Stopped => {}
                }
            }
            EventKind::OrderGiven {
                actor,
                reason,
                order,
            } => self.orders.push(Given {
                at,
                actor: actor.clone(),
                reason: reason.clone(),
                order: order.clone(),
            }),
            _ => {}
        }
    }

    fn enter(&mut self, state: RolloutState, since: Option<(Timestamp, Vec<Reason>)>) {
        self.state = state;
        self.since = since;
    }

    /// The newest order that `is` one of those meant.
    pub(super) fn order(&self, is: impl Fn(&Steering) -> bool) -> Option<&Given> {
        self.orders.iter().rev().find(|given| is(&given.order))
    }

    /// The order that brought it where it is: it came in the same step.
    pub(super) fn ordered(&self) -> Option<&Given> {
        let (at, _) = self.since.as_ref()?;
        self.order(|order| {
            matches!(
                order,
                Steering::Pause | Steering::Abort { .. } | Steering::RollBack { .. }
            )
        })
        .filter(|given| given.at == *at)
    }

    /// Why it is where it is, as far as policies or the host said.
    pub(super) fn because(&self) -> &[Reason] {
        self.since.as_ref().map_or(&[], |(_, reasons)| reasons)
    }

    /// By whom or what, and why, behind a verb.
    pub(super) fn by(&self) -> String {
        match (self.ordered(), &self.since) {
            (Some(given), _) => given.by(),
            (None, Some((at, reasons))) => {
                let since = format!("since {}", crate::render::time(*at));
                let texts: Vec<_> = reasons
                    .iter()
                    .map(|reason| crate::diagnostic::clean(&reason.text))
                    .collect();
                match texts.is_empty() {
                    true => since,
                    false => format!("{since}: {}", texts.join("; ")),
                }
            }
            (None, None) => "by an earlier run".to_owned(),
        }
    }
}

impl Given {
    /// By whom, when and why, behind a verb.
    pub(super) fn by(&self) -> String {
        let at = crate::render::time(self.at);
        let by = format!("by {} at {at}", crate::diagnostic::clean(&self.actor));
        match self.reason.as_str() {
            "" => by,
            reason => format!("{by}: {}", crate::diagnostic::clean(reason)),
        }
    }
}

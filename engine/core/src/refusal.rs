use windlass_model::{DeviceId, RolloutState};

/// Why an order was not carried out. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The rollout's state does not fit the order.
    #[error("the rollout {}", unfit(order, *.state))]
    State {
        /// What was asked, as a word for what it leads to, such as `paused`.
        order: &'static str,
        /// Where the rollout stands.
        state: RolloutState,
    },
    /// It is taken back already.
    #[error("the rollout is being taken back already")]
    TakenBack,
    /// No policy waits for consent to this gate.
    #[error("no policy waits at a gate named `{gate}`; {}", waiting_gates(.waiting))]
    NoSuchGate {
        /// As it was named.
        gate: String,
        /// The gates that policies wait at.
        waiting: Vec<String>,
    },
    /// The consent would have lapsed before it was given.
    #[error("the consent to gate `{gate}` would lapse before it is given")]
    Lapsed {
        /// The gate.
        gate: String,
    },
    /// No device is left that a gate could keep back.
    #[error("there is nothing to advance past: every device has ended")]
    NothingToAdvance,
    /// No device has begun: there is no cohort whose end could be passed.
    #[error("nothing has begun yet, so there is no cohort to advance past; {}", opening(.waiting))]
    NotBegun {
        /// The gates that policies wait at.
        waiting: Vec<String>,
    },
    /// No policy has gates.
    #[error("there is nothing to advance past: the rollout has no policy")]
    NoPolicy,
    /// An order about devices that names none.
    #[error("no device was named")]
    NoDevice,
    /// The device has no assignment in this rollout.
    #[error("device `{device}` is not in this rollout")]
    NotATarget {
        /// Which.
        device: DeviceId,
    },
    /// The device's assignment is over.
    #[error("device `{device}` has ended ({state}) in this rollout")]
    Ended {
        /// Which.
        device: DeviceId,
        /// The word of its state.
        state: &'static str,
    },
    /// The device does not wait for a next try.
    #[error("device `{device}` does not wait for another try: it is {state}")]
    NotWaiting {
        /// Which.
        device: DeviceId,
        /// The word of its state.
        state: &'static str,
    },
    /// The device is no dead letter.
    #[error("device `{device}` is no dead letter: it is {state}")]
    NotADeadLetter {
        /// Which.
        device: DeviceId,
        /// The word of its state.
        state: &'static str,
    },
    /// The device moved while the order was on its way.
    #[error("device `{device}` moved just now; give the order again")]
    Moved {
        /// Which.
        device: DeviceId,
    },
}

fn unfit(order: &str, state: RolloutState) -> String {
    let stands = standing(state);
    let is_so = matches!(
        (order, state),
        ("paused", RolloutState::Paused)
            | ("aborted", RolloutState::Aborting | RolloutState::Aborted)
    );
    if is_so {
        format!("{stands} already")
    } else {
        format!("{stands}; it cannot be {order}")
    }
}

fn standing(state: RolloutState) -> &'static str {
    match state {
        RolloutState::Draft => "has not begun",
        RolloutState::Running => "is running",
        RolloutState::Holding => "is held",
        RolloutState::Paused => "is paused",
        RolloutState::Aborting => "is being aborted",
        RolloutState::Aborted => "was aborted",
        RolloutState::Completed => "has completed",
    }
}

fn waiting_gates(waiting: &[String]) -> String {
    match waiting {
        [] => "none waits for consent".to_owned(),
        [gate] => format!("one waits at `{gate}`"),
        gates => format!("they wait at `{}`", gates.join("`, `")),
    }
}

fn opening(waiting: &[String]) -> String {
    match waiting {
        [] => "`advance --full` passes everything that keeps devices back".to_owned(),
        [gate] => format!("`approve {gate}` opens the gate that it waits at"),
        gates => format!(
            "`approve` opens the gates that it waits at: `{}`",
            gates.join("`, `")
        ),
    }
}

//! What each state of an assignment means for the bookkeeping, and which states follow
//! which (design §6). Everything that counts, caps or fences derives from here.

use windlass_model::StateKind;

/// What a state means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// A transfer slot is taken. Only while bytes may move: a reboot of twenty minutes
    /// holds none.
    pub holds_slot: bool,
    /// It counts against a policy's in-progress ceiling.
    pub counts_in_progress: bool,
    /// Nothing else may push to the device: an attempt is unsettled.
    pub fences: bool,
}

/// What `kind` means.
pub const fn meaning(kind: StateKind) -> Meaning {
    let (holds_slot, counts_in_progress, fences) = match kind {
        StateKind::Transferring => (true, true, true),
        StateKind::Offered | StateKind::Verifying | StateKind::Settling | StateKind::Cancelling => {
            (false, true, true)
        }
        StateKind::Waiting => (false, true, false),
        StateKind::Pending
        | StateKind::Deferred
        | StateKind::Admitted
        | StateKind::Succeeded
        | StateKind::Failed
        | StateKind::Rejected
        | StateKind::Skipped
        | StateKind::Cancelled
        | StateKind::Superseded
        | StateKind::DeadLettered => (false, false, false),
    };
    Meaning {
        holds_slot,
        counts_in_progress,
        fences,
    }
}

/// The states that may follow `kind`. Nothing follows an ended one but a dead letter, which
/// a person may requeue or dismiss, and a success that did not last.
pub const fn successors(kind: StateKind) -> &'static [StateKind] {
    use StateKind::{
        Admitted, Cancelled, Cancelling, DeadLettered, Deferred, Failed, Offered, Pending,
        Rejected, Settling, Skipped, Succeeded, Superseded, Transferring, Verifying, Waiting,
    };
    match kind {
        // One that was requeued may turn out to run the release by a lost attempt.
        Pending => &[
            Deferred, Admitted, Succeeded, Skipped, Cancelled, Superseded,
        ],
        Deferred => &[
            Deferred, Admitted, Succeeded, Skipped, Cancelled, Superseded,
        ],
        // Back to pending when the look at its device has grown old.
        Admitted => &[
            Pending,
            Deferred,
            Transferring,
            // Of those that were requeued: asked before they start.
            Succeeded,
            DeadLettered,
            Skipped,
            Cancelled,
            Superseded,
        ],
        Transferring => &[
            Offered,
            Verifying,
            Settling,
            Waiting,
            Cancelling,
            Succeeded,
            Failed,
            Rejected,
            // Excluded while its attempt was under way.
            Skipped,
            Cancelled,
            DeadLettered,
        ],
        Offered | Verifying => &[
            Settling,
            Waiting,
            Succeeded,
            Failed,
            Rejected,
            // Excluded while its attempt was under way.
            Skipped,
            Cancelled,
            DeadLettered,
        ],
        Settling | Cancelling => &[
            Settling,
            Waiting,
            Succeeded,
            Failed,
            Rejected,
            // Excluded while its attempt was under way.
            Skipped,
            Cancelled,
            DeadLettered,
        ],
        // A device that took the release and fell silent is asked before it is pushed to
        // again: it may run the release by now, or still not be heard of.
        Waiting => &[
            Waiting,
            Transferring,
            Succeeded,
            Skipped,
            DeadLettered,
            Cancelled,
            Superseded,
        ],
        DeadLettered => &[Pending, Failed],
        // It was verified again, and had fallen back.
        Succeeded => &[Failed],
        Failed | Rejected | Skipped | Cancelled | Superseded => &[],
    }
}

/// Whether `to` may follow `from`.
pub fn may_follow(from: StateKind, to: StateKind) -> bool {
    successors(from).contains(&to)
}

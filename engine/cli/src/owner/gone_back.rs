//! Policies that were put in force by a swap, failed, and were taken back, while the
//! configuration names them still.

use windlass_model::{EventKind, PluginName, PluginPin, RolloutKey, Timestamp};
use windlass_store::{Store, StoreError};

use crate::{
    diagnostic::{Diagnostic, clean},
    render::time,
};

/// Events of a rollout as a whole that are read: far more than a rollout of months has.
const EVENTS_MAX: usize = 8_192;

/// How the newest swap of a rollout went wrong.
pub(super) struct GoneBack {
    at: Timestamp,
    policy: PluginName,
    message: String,
    /// What is in force again.
    instead: Vec<PluginName>,
}

/// If `wanted` are the policies of the newest swap, and that was taken back.
pub(super) fn gone_back(
    store: &Store,
    rollout: RolloutKey,
    wanted: &[PluginPin],
    now: Timestamp,
) -> Result<Option<GoneBack>, StoreError> {
    let mut swapped = None;
    let mut back = None;
    for logged in store.events_of_none(Some(rollout), now, EVENTS_MAX)? {
        match logged.event.kind {
            EventKind::PoliciesSwapped { after, .. } => (swapped, back) = (Some(after), None),
            EventKind::PoliciesTakenBack {
                policy,
                message,
                policies,
            } => {
                back = Some(GoneBack {
                    at: logged.event.at,
                    policy,
                    message,
                    instead: policies,
                });
            }
            _ => {}
        }
    }
    Ok(back.filter(|_| swapped.as_deref() == Some(wanted)))
}

impl GoneBack {
    /// What happened, and what to do now.
    pub(super) fn tell(&self, diagnostic: Diagnostic) -> Diagnostic {
        let policy = &self.policy;
        let instead: Vec<_> = self
            .instead
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let instead = instead.join(", ");
        diagnostic
            .note(format!(
                "the new policies were taken back at {}, because `{policy}` failed: {}",
                time(self.at),
                clean(&self.message)
            ))
            .help(format!("name {instead} in the configuration again"))
            .help(format!(
                "once `{policy}` is mended, put it in force with `windlass swap-policy`"
            ))
    }
}

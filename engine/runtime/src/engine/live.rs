use std::{collections::BTreeMap, sync::Arc};

use tokio_util::sync::CancellationToken;
use windlass_model::{AssignmentId, AttemptId, Device};

/// What the driver keeps of assignments that are neither pending nor ended.
#[derive(Default)]
pub(super) struct Live(BTreeMap<AssignmentId, Entry>);

struct Entry {
    device: Option<Arc<Device>>,
    running: Option<(AttemptId, CancellationToken)>,
}

impl Live {
    pub(super) fn know(&mut self, assignment: AssignmentId, device: Arc<Device>) {
        self.0.insert(
            assignment,
            Entry {
                device: Some(device),
                running: None,
            },
        );
    }

    pub(super) fn device(&self, assignment: AssignmentId) -> Option<Arc<Device>> {
        self.0.get(&assignment)?.device.clone()
    }

    /// Notes that an attempt begins and returns what stops it.
    pub(super) fn begin(
        &mut self,
        assignment: AssignmentId,
        attempt: AttemptId,
    ) -> CancellationToken {
        let cancel = CancellationToken::new();
        let entry = self.0.entry(assignment).or_insert(Entry {
            device: None,
            running: None,
        });
        entry.running = Some((attempt, cancel.clone()));
        cancel
    }

    pub(super) fn cancel(&self, assignment: AssignmentId, attempt: AttemptId) {
        if let Some(Entry {
            running: Some((running, cancel)),
            ..
        }) = self.0.get(&assignment)
            && *running == attempt
        {
            cancel.cancel();
        }
    }

    pub(super) fn forget(&mut self, assignment: AssignmentId) {
        self.0.remove(&assignment);
    }
}

//! What past rollouts tell of every device, for those who simulate the next one.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, Row, Transaction};
use windlass_model::{
    AttemptId, AttemptOutcome, DeviceHistory, DeviceId, DeviceKey, Event, EventKind, FailureKind,
    PastAttempt, PastOutcome, PastWait, RolloutKey, SkipReason, StoredDevice, Timestamp, WaitEnd,
};

use crate::{
    Store, StoreError,
    attempt::{attempt_id, end_from_row},
    codes::{integer, timestamp},
    log,
    registry::{DEVICE_COLUMNS, IN_SERVICE, stored_device},
};

/// The attempts of a page of devices, device by device. The columns from the fifth on are those
/// that the end of an attempt is read from.
pub(crate) const ATTEMPTS: &str = "SELECT t.id, t.started_at, a.device, t.settled_at, t.ended_at, \
     t.outcome, t.failure, t.retry_after, t.message, t.bytes \
     FROM assignment AS a INDEXED BY assignment_device \
     CROSS JOIN attempt AS t ON t.assignment = a.id \
     WHERE a.device > ?1 AND a.device <= ?2 ORDER BY a.device";

/// The devices' histories as they were at one instant, page by page, whatever is committed
/// meanwhile.
#[derive(Debug)]
pub struct Histories<'a> {
    /// What is read is of one transaction.
    transaction: Transaction<'a>,
    after: DeviceKey,
    told: Told,
}

impl Store {
    /// Begins to read the histories of all listed devices in service. Reads the whole log:
    /// of what was said of a device it is the only record.
    pub fn histories(&self) -> Result<Histories<'_>, StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        let told = told(&transaction)?;
        Ok(Histories {
            transaction,
            after: DeviceKey(0),
            told,
        })
    }
}

impl Histories<'_> {
    /// The histories of the next devices in the order of their rows, at most `limit`; none
    /// after the last.
    pub fn next_page(&mut self, limit: usize) -> Result<Vec<DeviceHistory>, StoreError> {
        let first = self.after;
        let page = self.page(limit)?;
        self.after = page.last().map_or(first, |stored| stored.key);
        let mut attempts = self.attempts(first, self.after)?;
        let histories = page.into_iter().map(|StoredDevice { key, device }| {
            let mut attempts = attempts.remove(&key).unwrap_or_default();
            attempts.sort_by_key(|attempt| attempt.started_at);
            DeviceHistory {
                device,
                attempts,
                waits: self.told.waits.remove(&key).unwrap_or_default(),
            }
        });
        Ok(histories.collect())
    }

    fn page(&self, limit: usize) -> Result<Vec<StoredDevice>, StoreError> {
        let mut statement = self.transaction.prepare_cached(&page_sql())?;
        let mut rows = statement.query([self.after.0, integer(limit as u64)])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(stored_device(row, 0)?);
        }
        Ok(page)
    }

    /// Of the devices after `first` up to `last`, rollout by rollout.
    fn attempts(
        &self,
        first: DeviceKey,
        last: DeviceKey,
    ) -> Result<BTreeMap<DeviceKey, Vec<PastAttempt>>, StoreError> {
        let mut statement = self.transaction.prepare_cached(ATTEMPTS)?;
        let mut rows = statement.query([first.0, last.0])?;
        let mut attempts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let attempt = past_attempt(row, &self.told.failures)?;
            let device = DeviceKey(row.get(2)?);
            attempts.entry(device).or_default().push(attempt);
        }
        Ok(attempts)
    }
}

pub(crate) fn page_sql() -> String {
    format!(
        "SELECT {DEVICE_COLUMNS} FROM device AS d \
         WHERE d.key > ?1 AND d.listed AND {IN_SERVICE} ORDER BY d.key LIMIT ?2"
    )
}

fn past_attempt(
    row: &Row<'_>,
    failures: &BTreeMap<AttemptId, FailureKind>,
) -> Result<PastAttempt, StoreError> {
    let end = end_from_row(row)?;
    let told = failures.get(&attempt_id(row.get(0)?)?);
    let recorded = end.as_ref().map(|end| &end.outcome);
    let outcome = match (told, recorded) {
        (Some(kind), _) => PastOutcome::Failed(*kind),
        (None, Some(AttemptOutcome::Failed(failure))) => PastOutcome::Failed(failure.kind),
        (None, Some(AttemptOutcome::Delivered)) => PastOutcome::Delivered,
        (None, Some(AttemptOutcome::Offered(_))) => PastOutcome::Offered,
        (None, Some(AttemptOutcome::Cancelled)) => PastOutcome::Cancelled,
        (None, None) => PastOutcome::Unknown,
    };
    Ok(PastAttempt {
        started_at: timestamp(row.get(1)?),
        ended_at: end.as_ref().map(|end| end.at),
        settled_at: row.get::<_, Option<i64>>(3)?.map(timestamp),
        outcome,
        bytes: end.map_or(0, |end| end.bytes),
    })
}

/// What the log tells and the rows do not.
#[derive(Debug, Default)]
struct Told {
    waits: BTreeMap<DeviceKey, Vec<PastWait>>,
    /// Attempts that failed after the device had taken all bytes, too.
    failures: BTreeMap<AttemptId, FailureKind>,
}

fn told(transaction: &Transaction<'_>) -> Result<Told, StoreError> {
    let mut listener = Listener {
        transaction,
        open: BTreeMap::new(),
        told: Told::default(),
    };
    let mut statement = transaction.prepare(&log::of_rollouts())?;
    let mut rows = statement.query([])?;
    let mut last = Timestamp(0);
    while let Some(row) = rows.next()? {
        let Event { at, rollout, kind } = log::from_row(row)?.event;
        last = at;
        if let Some(rollout) = rollout {
            listener.hear(at, rollout, kind)?;
        }
    }
    for (rollout, device) in listener.open.keys().cloned().collect::<Vec<_>>() {
        listener.close(rollout, &device, last, WaitEnd::Unknown)?;
    }
    Ok(listener.told)
}

/// Follows the log.
struct Listener<'a> {
    transaction: &'a Transaction<'a>,
    /// Waits that have not ended, with their beginning.
    open: BTreeMap<(RolloutKey, DeviceId), Timestamp>,
    told: Told,
}

impl Listener<'_> {
    fn hear(
        &mut self,
        at: Timestamp,
        rollout: RolloutKey,
        kind: EventKind,
    ) -> Result<(), StoreError> {
        match kind {
            EventKind::DeviceDeferred {
                device,
                needs_connection: true,
                ..
            } => {
                self.open.entry((rollout, device)).or_insert(at);
                Ok(())
            }
            EventKind::AttemptStarted { device, .. } | EventKind::DeviceSucceeded { device } => {
                self.close(rollout, &device, at, WaitEnd::Connected)
            }
            // Left out because it was away: it was, if only for that instant.
            EventKind::DeviceSkipped {
                device,
                reason: SkipReason::Offline,
            } => {
                self.open.entry((rollout, device.clone())).or_insert(at);
                self.close(rollout, &device, at, WaitEnd::Unknown)
            }
            // A hold or another rollout puts off without asking for a connection.
            EventKind::DeviceDeferred { device, .. }
            | EventKind::DeviceSkipped { device, .. }
            | EventKind::DeviceFailed { device, .. }
            | EventKind::DeviceRejected { device }
            | EventKind::DeviceCancelled { device }
            | EventKind::DeviceDeadLettered { device, .. }
            | EventKind::DeviceSuperseded { device, .. }
            | EventKind::DeviceDismissed { device } => {
                self.close(rollout, &device, at, WaitEnd::Unknown)
            }
            EventKind::AttemptFailed {
                attempt, failure, ..
            } => {
                self.told.failures.insert(attempt, failure.kind);
                Ok(())
            }
            // What was put off is cancelled, without a word of each.
            EventKind::RolloutAborting { .. } => self.close_all(rollout, at),
            EventKind::RolloutStarted { .. }
            | EventKind::RolloutContinued { .. }
            | EventKind::CohortStarted { .. }
            | EventKind::CohortEnded { .. }
            | EventKind::AttemptDelivered { .. }
            | EventKind::AttemptOffered { .. }
            | EventKind::AttemptCancelled { .. }
            | EventKind::AttemptResultLate { .. }
            | EventKind::DeviceSettling { .. }
            | EventKind::DeviceRequeued { .. }
            | EventKind::DeviceRegressed { .. }
            | EventKind::RecheckStarted { .. }
            | EventKind::RecheckEnded { .. }
            | EventKind::DecisionTaken { .. }
            | EventKind::DecisionFailed { .. }
            | EventKind::RolloutHolding { .. }
            | EventKind::RolloutReleased
            | EventKind::RolloutPaused { .. }
            | EventKind::RolloutResumed { .. }
            | EventKind::OrderGiven { .. }
            | EventKind::PoliciesSwapped { .. }
            | EventKind::PoliciesConfirmed { .. }
            | EventKind::PoliciesTakenBack { .. }
            | EventKind::ShadowAdded { .. }
            | EventKind::ShadowRemoved { .. }
            | EventKind::ShadowFailed { .. }
            | EventKind::SignalChanged { .. }
            | EventKind::RolloutGrown { .. }
            | EventKind::RolloutReopened
            | EventKind::ReleaseCondemned { .. }
            | EventKind::ReleaseForgiven { .. }
            | EventKind::RollbackStarted { .. }
            | EventKind::RollbackImpossible { .. }
            | EventKind::HoldPlaced { .. }
            | EventKind::HoldLifted { .. }
            | EventKind::RolloutStopping
            | EventKind::RolloutCompleted { .. } => Ok(()),
        }
    }

    fn close_all(&mut self, rollout: RolloutKey, at: Timestamp) -> Result<(), StoreError> {
        let mine = self.open.keys().filter(|(other, _)| *other == rollout);
        for (_, device) in mine.cloned().collect::<Vec<_>>() {
            self.close(rollout, &device, at, WaitEnd::Unknown)?;
        }
        Ok(())
    }

    fn close(
        &mut self,
        rollout: RolloutKey,
        device: &DeviceId,
        until: Timestamp,
        end: WaitEnd,
    ) -> Result<(), StoreError> {
        let Some(since) = self.open.remove(&(rollout, device.clone())) else {
            return Ok(());
        };
        let key: Option<i64> = self
            .transaction
            .prepare_cached("SELECT key FROM device WHERE id = ?1")?
            .query_row([device.as_str()], |row| row.get(0))
            .optional()?;
        if let Some(key) = key {
            let waits = self.told.waits.entry(DeviceKey(key)).or_default();
            waits.push(PastWait { since, until, end });
        }
        Ok(())
    }
}

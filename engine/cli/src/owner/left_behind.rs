//! Who is not on the old version when a rollout was taken back (design §7.9): by name, with
//! the reason.

use windlass_model::{EventKind, Rollback, RolloutKey, Sequence};

use super::{Owner, enter::has_ended};
use crate::{
    command::Failure,
    diagnostic::{Diagnostic, quote},
    render::count,
};

/// Events read at once.
const PAGE: usize = 4096;

/// Devices named in a message: a few screens. The log names the others.
const NAMED_MAX: usize = 100;

impl Owner {
    /// What is to be said at the end of a rollout that was to be taken back.
    ///
    /// # Errors
    /// If the state file fails.
    pub(super) async fn left_behind(&self, key: RolloutKey) -> Result<Option<Diagnostic>, Failure> {
        let of = self.stored(key).await?;
        if of.rollback != Rollback::Made {
            return Ok(None);
        }
        let name = &of.plan.name;
        let made = self.run(move |store| store.rollbacks_of(key)).await?;
        let impossible = self.impossible(key).await?;
        let mut unfinished = Vec::new();
        for rollback in &made {
            let rollback = self.stored(*rollback).await?;
            if !has_ended(&rollback) {
                unfinished.push(rollback.plan.name);
            }
        }
        let mut warning = match impossible.len() as u64 {
            0 if made.is_empty() => {
                return Ok(Some(
                    Diagnostic::warning(format!("nothing of `{name}` was taken back"))
                        .note("no device has its release, or may have it"),
                ));
            }
            0 if unfinished.is_empty() => return Ok(None),
            0 => Diagnostic::warning(format!("`{name}` is not taken back yet")),
            left if made.is_empty() => Diagnostic::warning(format!(
                "nothing of `{name}` was taken back: {} cannot be",
                count(left, "device")
            )),
            left => Diagnostic::warning(format!(
                "{} of `{name}` cannot be taken back",
                count(left, "device")
            )),
        };
        for (device, reason) in impossible.iter().take(NAMED_MAX) {
            warning = warning.note(format!("{}: {reason}", quote(device)));
        }
        if impossible.len() > NAMED_MAX {
            let more = impossible.len() - NAMED_MAX;
            let events = self.hint("events").await?;
            warning = warning.note(format!("and {more} more, which {events} names"));
        }
        for rollback in unfinished {
            warning = warning.note(format!("the rollout `{rollback}` has not ended"));
        }
        Ok(Some(warning))
    }

    async fn impossible(&self, key: RolloutKey) -> Result<Vec<(String, String)>, Failure> {
        let mut impossible = Vec::new();
        let mut after = Sequence::default();
        loop {
            let page = self
                .run(move |store| store.events(after, PAGE, Some(key)))
                .await?;
            let Some(last) = page.last() else {
                return Ok(impossible);
            };
            after = last.seq;
            impossible.extend(
                page.into_iter()
                    .filter_map(|logged| match logged.event.kind {
                        EventKind::RollbackImpossible { device, reason } => {
                            Some((device.to_string(), reason))
                        }
                        _ => None,
                    }),
            );
        }
    }
}

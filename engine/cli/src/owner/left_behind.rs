//! Who is not on the old version when a rollout was taken back (design §7.9): by name, with
//! the reason.

use windlass_model::{DeviceId, EventKind, Rollback, RolloutKey, Sequence};

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

/// What is to be said at the end of a rollout that was to be taken back.
#[derive(Debug)]
pub struct Parting {
    /// In words.
    pub warning: Diagnostic,
    /// Whether devices stay on its release.
    pub left_behind: bool,
}

impl Owner {
    /// What is to be said at the end of a rollout that was to be taken back.
    ///
    /// # Errors
    /// If the state file fails.
    pub(super) async fn left_behind(
        &self,
        key: RolloutKey,
        nothing_made: &[(DeviceId, String)],
    ) -> Result<Option<Parting>, Failure> {
        let of = self.stored(key).await?;
        let name = &of.plan.name;
        if !nothing_made.is_empty() {
            let left = count(nothing_made.len() as u64, "device");
            let warning = format!("nothing of `{name}` was taken back: {left} cannot be");
            let named = named(Diagnostic::warning(warning), nothing_made);
            return Ok(Some(Parting {
                warning: named
                    .help("name what they go back to in [[rollback.releases]], and run it again"),
                left_behind: true,
            }));
        }
        if of.rollback != Rollback::Made {
            return Ok(None);
        }
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
                return Ok(Some(Parting {
                    warning: Diagnostic::warning(format!("nothing of `{name}` was taken back"))
                        .note("no device has its release, or may have it"),
                    left_behind: false,
                }));
            }
            0 if unfinished.is_empty() => return Ok(None),
            0 => Diagnostic::warning(format!("`{name}` is not taken back yet")),
            left => Diagnostic::warning(format!(
                "{} of `{name}` cannot be taken back",
                count(left, "device")
            )),
        };
        warning = named(warning, &impossible);
        if impossible.len() > NAMED_MAX {
            let events = self.hint("events").await?;
            warning = warning.help(format!("{events} names them all"));
        }
        let left_behind = !impossible.is_empty() || !unfinished.is_empty();
        for rollback in unfinished {
            warning = warning.note(format!("the rollout `{rollback}` has not ended"));
        }
        Ok(Some(Parting {
            warning,
            left_behind,
        }))
    }

    async fn impossible(&self, key: RolloutKey) -> Result<Vec<(DeviceId, String)>, Failure> {
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
                        EventKind::RollbackImpossible { device, reason } => Some((device, reason)),
                        _ => None,
                    }),
            );
        }
    }
}

fn named(warning: Diagnostic, devices: &[(DeviceId, String)]) -> Diagnostic {
    let shown = devices.len().min(NAMED_MAX);
    let named = devices[..shown]
        .iter()
        .fold(warning, |warning, (device, reason)| {
            warning.note(format!("{}: {reason}", quote(device.as_str())))
        });
    match devices.len() - shown {
        0 => named,
        more => named.note(format!("and {more} more")),
    }
}

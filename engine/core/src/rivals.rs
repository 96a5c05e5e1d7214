//! Of several rollouts that want one device, which comes first (design §7.8).

use std::collections::BTreeMap;

use windlass_model::{Reason, Rival, RolloutKey, RolloutState, StateKind, Value};

use crate::{
    admission::{Circumstances, code},
    table,
    version::{Relation, relate},
};

/// What another rollout means for a device.
pub(crate) enum Precedence<'a> {
    /// No other rollout is in the way.
    First,
    /// That one comes first.
    After(&'a Rival),
    /// A newer release reached it.
    Superseded { by: RolloutKey, version: String },
}

pub(crate) fn precedence<'a>(of: &Circumstances<'a>) -> Precedence<'a> {
    let newer_succeeded = of.rivals.iter().find(|rival| {
        rival.state == StateKind::Succeeded
            && overtakes(rival, &of.release.name, &of.release.version)
            // One that is allowed to downgrade was made to go behind what was there.
            && (rival.rollout > of.rollout
                || !of.settings.allow_downgrade && !was_taken_off(rival, of))
    });
    if let Some(newer) = newer_succeeded {
        return Precedence::Superseded {
            by: newer.rollout,
            version: newer.version.clone(),
        };
    }
    of.rivals
        .iter()
        .filter(|rival| is_active(rival) && !is_overtaken(rival, of.rivals))
        .find(|rival| comes_first(rival, of))
        .map_or(Precedence::First, Precedence::After)
}

/// Whether the device went back behind what the rival brought: a rollout made after that
/// finds the older version there. To one made before, the same may be old news.
fn was_taken_off(rival: &Rival, of: &Circumstances<'_>) -> bool {
    let runs = of.device.version.as_deref();
    runs.is_some_and(|version| relate(version, &rival.version) == Relation::Older)
}

fn comes_first(rival: &Rival, of: &Circumstances<'_>) -> bool {
    if table::meaning(rival.state).fences {
        return true;
    }
    if rival.release == of.release.name {
        match relate(&rival.version, &of.release.version) {
            Relation::Newer => return has_taken(rival.state),
            Relation::Older => return false,
            Relation::Same | Relation::Unordered => {}
        }
    }
    let own = (of.settings.priority, std::cmp::Reverse(of.rollout));
    (rival.priority, std::cmp::Reverse(rival.rollout)) > own
}

/// Whether the rollout may still do something with the device.
fn is_active(rival: &Rival) -> bool {
    let ended = matches!(
        rival.rollout_state,
        RolloutState::Aborted | RolloutState::Completed
    );
    !ended && !rival.state.is_ended()
}

/// Whether it waits for a newer release itself: whoever waited for it too could wait in a
/// circle.
fn is_overtaken(rival: &Rival, rivals: &[Rival]) -> bool {
    !table::meaning(rival.state).fences
        && rivals.iter().any(|other| {
            is_active(other)
                && has_taken(other.state)
                && overtakes(other, &rival.release, &rival.version)
        })
}

fn overtakes(rival: &Rival, release: &str, version: &str) -> bool {
    rival.release == release && relate(&rival.version, version) == Relation::Newer
}

fn has_taken(state: StateKind) -> bool {
    !state.is_ended() && !matches!(state, StateKind::Pending | StateKind::Deferred)
}

/// Why a device waits for `rival`.
pub(crate) fn reason(rival: &Rival, driven: &[RolloutKey]) -> Reason {
    let Rival {
        release, version, ..
    } = rival;
    let what = format!("the rollout of {release} {version} comes first");
    waits_for(rival, driven, &what)
}

/// Why a device waits that another of its rollouts has to settle.
pub(crate) fn fenced(rivals: &[Rival], driven: &[RolloutKey]) -> Reason {
    const WHAT: &str = "another rollout has not settled its last attempt on this device";
    match rivals
        .iter()
        .find(|rival| table::meaning(rival.state).fences)
    {
        Some(rival) => waits_for(rival, driven, WHAT),
        None => Reason {
            code: code::OTHER_ROLLOUT.to_owned(),
            cohort: None,
            parameters: BTreeMap::new(),
            text: WHAT.to_owned(),
        },
    }
}

fn waits_for(rival: &Rival, driven: &[RolloutKey], what: &str) -> Reason {
    let mut parameters = BTreeMap::from([("rollout".to_owned(), Value::Integer(rival.rollout.0))]);
    let standing = match rival.rollout_state {
        RolloutState::Paused => Some(("paused", ", and it is paused")),
        _ if !driven.contains(&rival.rollout) => Some(("not-driven", ", and nobody runs it")),
        RolloutState::Draft
        | RolloutState::Running
        | RolloutState::Holding
        | RolloutState::Aborting
        | RolloutState::Aborted
        | RolloutState::Completed => None,
    };
    if let Some((standing, _)) = standing {
        parameters.insert("standing".to_owned(), Value::Text(standing.to_owned()));
    }
    let words = standing.map_or("", |(_, words)| words);
    Reason {
        code: code::OTHER_ROLLOUT.to_owned(),
        cohort: None,
        parameters,
        text: format!("{what}{words}"),
    }
}

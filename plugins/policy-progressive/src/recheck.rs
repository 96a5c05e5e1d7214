//! Whether the devices of a cohort still run the release when its soak is over: what was
//! verified after the transfer may have fallen back since.

use windlass_sdk::{CohortView, Timestamp, View};

use crate::memo::Opened;
use crate::share::Share;

/// How long after a round that reached too few devices the next is asked for.
const AGAIN: u64 = 600_000;

/// What is asked for before a cohort is passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recheck {
    /// The share of the devices that may be left of which nobody knows.
    pub(crate) unconfirmed: Share,
}

/// Where the devices stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They are being asked, or are about to be.
    Awaited,
    /// Too few were reached; they are asked again then.
    TooFew { again: Timestamp },
}

impl Recheck {
    /// None once enough of them were asked and run it. Notes since when that is wanted.
    pub(crate) fn standing(
        &self,
        view: &View,
        seen: &CohortView,
        opened: &mut Opened,
    ) -> Option<Standing> {
        // If the wall clock was set back, rounds begin at earlier instants too.
        let since = opened.verify.map_or(view.now, |since| since.min(view.now));
        opened.verify = Some(since);
        let round = seen.recheck.as_ref().filter(|round| round.began >= since);
        let Some((round, ended)) = round.and_then(|round| Some((round, round.ended?))) else {
            return Some(Standing::Awaited);
        };
        let all = round.confirmed + round.regressed + round.unconfirmed;
        if self.unconfirmed.covers(round.unconfirmed, all) {
            return None;
        }
        let again = ended.min(view.now).saturating_add(AGAIN);
        if again > view.now {
            return Some(Standing::TooFew { again });
        }
        opened.verify = Some(view.now);
        Some(Standing::Awaited)
    }
}

use std::time::Duration;

use windlass_model::Reason;

/// Pages in a row that no plugin could judge after which the rollout holds.
const PAGES: u32 = 3;
/// The first break; each further page without a judgement doubles it.
const FIRST_BREAK: Duration = Duration::from_secs(5);
/// Soon enough after the plugin works again, and seldom enough for a broken one.
const MAX_BREAK: Duration = Duration::from_secs(60);

/// A filter or policy that cannot judge devices. They stay as they are: putting them off one
/// by one would go through the whole fleet, and tell nobody.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pages: u32,
    reason: Option<Reason>,
    again: Option<Duration>,
}

impl Trouble {
    /// A whole page could not be judged.
    pub(super) fn note(&mut self, now: Duration, reason: Reason) {
        let wait = FIRST_BREAK * (1 << self.pages.min(4));
        self.pages = self.pages.saturating_add(1);
        self.reason = Some(reason);
        self.again = Some(now + wait.min(MAX_BREAK));
    }

    /// Whether it was in trouble.
    pub(super) fn clear(&mut self) -> bool {
        std::mem::take(self).pages > 0
    }

    /// Why the rollout holds, if it does.
    pub(super) fn holds(&self) -> Option<&Reason> {
        self.reason.as_ref().filter(|_| self.pages >= PAGES)
    }

    /// When devices are shown again, if not now.
    pub(super) fn again(&self) -> Option<Duration> {
        self.again
    }

    pub(super) fn elapse(&mut self, now: Duration) {
        self.again = self.again.filter(|again| *again > now);
    }
}

use windlass_sdk::Problem;

use super::Abort;
use super::check::Check;
use crate::kinds::Kinds;
use crate::settings::AbortSettings;

/// How many devices a rate is judged on unless the settings say otherwise: one
/// bad device of two is no reason to end a rollout.
const MIN_SAMPLE: u64 = 10;

impl Check {
    pub(super) fn abort(&mut self, at: &str, abort: &AbortSettings) -> Abort {
        let at = format!("{at}/abort");
        if abort.rate.is_none() && abort.count.is_none() {
            let problem = Problem::setting(&at, "abort says neither rate nor count");
            self.problems
                .push(problem.hint("such as abort = { rate = 0.1 }"));
        }
        if abort.rate == Some(0.0) {
            self.report(
                format!("{at}/rate"),
                "rate must be above 0: a rate of 0 is always reached",
            );
        }
        if abort.count == Some(0) {
            self.report(format!("{at}/count"), "count must be at least 1");
        }
        if abort.min_sample == Some(0) {
            self.report(
                format!("{at}/min_sample"),
                "min_sample must be at least 1: a rate of no devices says nothing",
            );
        }
        if abort.count_network && abort.kinds.is_some() {
            self.report(
                format!("{at}/count_network"),
                "count_network and kinds both say which failures count",
            );
        }
        let default = if abort.count_network {
            Kinds::DEVICE_AND_NETWORK
        } else {
            Kinds::DEVICE
        };
        Abort {
            rate: abort
                .rate
                .and_then(|rate| self.share(format!("{at}/rate"), rate)),
            count: abort.count,
            of: abort.of,
            min_sample: abort.min_sample.unwrap_or(MIN_SAMPLE).max(1),
            kinds: self.kinds(&at, abort.kinds.as_deref(), default),
            action: abort.action,
        }
    }
}

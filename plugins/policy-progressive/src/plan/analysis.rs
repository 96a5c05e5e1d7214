use std::collections::BTreeSet;

use windlass_sdk::Problem;

use super::check::Check;
use super::{Analysis, Consequence, Stage, Success};
use crate::settings::{AnalysisSettings, Ending, OnBadSignal, OnNoSignal, SuccessSettings};

/// Analyses of one cohort: their counts are in the memo, each with its signal's name.
const MAX_ANALYSES: usize = 16;

/// Signals that a policy may ask for, by contract.
const MAX_SIGNALS: usize = 64;

/// Longest name of a signal, in bytes, as the configuration allows.
const MAX_SIGNAL_NAME: usize = 256;

/// Measurements in a row that may be without a value unless the settings say otherwise: as many
/// errors in a row as Argo Rollouts lets pass (`consecutiveErrorLimit`).
const INCONCLUSIVE_LIMIT: u32 = 4;

impl Check {
    /// Those of one cohort, or the common ones.
    pub(super) fn analyses(&mut self, at: &str, settings: &[AnalysisSettings]) -> Vec<Analysis> {
        let at = format!("{at}/analysis");
        if settings.len() > MAX_ANALYSES {
            let count = settings.len();
            let message = format!("{count} analyses, and at most {MAX_ANALYSES} are allowed");
            self.report(at, message);
            return Vec::new();
        }
        let analyses = settings.iter().enumerate();
        analyses
            .map(|(index, analysis)| self.analysis(&format!("{at}/{index}"), analysis))
            .collect()
    }

    fn analysis(&mut self, at: &str, analysis: &AnalysisSettings) -> Analysis {
        let length = analysis.signal.len();
        if !(1..=MAX_SIGNAL_NAME).contains(&length) {
            let message = format!(
                "a signal's name has 1 to {MAX_SIGNAL_NAME} bytes, and this one has {length}"
            );
            self.report(format!("{at}/signal"), message);
        }
        if analysis.measurements == Some(0) {
            self.report(
                format!("{at}/measurements"),
                "measurements must be at least 1: without one nothing is known of the signal",
            );
        }
        Analysis {
            signal: analysis.signal.clone(),
            success: self.success(&format!("{at}/success"), &analysis.success),
            measurements: analysis.measurements.unwrap_or(1).max(1),
            failure_limit: analysis.failure_limit.unwrap_or(0),
            inconclusive_limit: analysis.inconclusive_limit.unwrap_or(INCONCLUSIVE_LIMIT),
            on_failure: match analysis.on_failure {
                OnBadSignal::Hold => Consequence::Hold,
                OnBadSignal::Pause => Consequence::Pause,
                OnBadSignal::Abort => Consequence::End(Ending::Abort),
                OnBadSignal::RollBack => Consequence::End(Ending::RollBack),
            },
            on_inconclusive: match analysis.on_inconclusive {
                OnNoSignal::Hold => Consequence::Hold,
                OnNoSignal::Pause => Consequence::Pause,
                OnNoSignal::Abort => Consequence::End(Ending::Abort),
            },
        }
    }

    fn success(&mut self, at: &str, success: &SuccessSettings) -> Success {
        match (success.at_most, success.at_least, success.between) {
            (Some(most), None, None) => Success::AtMost(most),
            (None, Some(least), None) => Success::AtLeast(least),
            (None, None, Some([least, most])) => {
                if least > most {
                    let message = format!(
                        "between goes from the lower to the higher, and {least} is above {most}"
                    );
                    self.report(format!("{at}/between"), message);
                }
                Success::Between(least, most)
            }
            _ => {
                let problem =
                    Problem::setting(at, "success says one of at_most, at_least and between");
                self.problems
                    .push(problem.hint("such as success = { at_most = 0.02 }"));
                Success::AtMost(0.0)
            }
        }
    }

    /// All signals that the stages ask for, each once.
    pub(super) fn signals(&mut self, stages: &[Stage]) -> Vec<String> {
        let analyses = stages.iter().flat_map(|stage| &stage.analyses);
        let signals: BTreeSet<_> = analyses.map(|analysis| analysis.signal.clone()).collect();
        if signals.len() > MAX_SIGNALS {
            let message = format!(
                "{} signals in all, and at most {MAX_SIGNALS} are allowed",
                signals.len()
            );
            self.report("/cohorts", message);
        }
        signals.into_iter().collect()
    }
}

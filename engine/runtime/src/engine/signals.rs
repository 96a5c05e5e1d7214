//! Who polls the signals of a rollout that is driven.

use std::collections::BTreeMap;

use windlass_core::Input;
use windlass_model::{RolloutKey, SignalName, SignalSample};

use super::{Engine, Executor};
use crate::{clock::Clock, signals::watch, tasks::Tasks};

/// A sample, and which run of which rollout it is for.
pub(super) struct Measured {
    rollout: RolloutKey,
    run: u64,
    sample: SignalSample,
}

impl<C: Clock, E: Executor> Engine<C, E> {
    /// Starts to poll the signals of a rollout. Dropping what comes back ends it.
    pub(super) fn poll_signals(&self, rollout: RolloutKey, run: u64, executor: &E) -> Tasks<()> {
        let mut tasks = Tasks::new();
        for source in executor.signals().sources {
            let measured = self.measured.0.clone();
            tasks.start(watch(source, self.clock.clone(), move |sample| {
                let measured = measured.clone();
                async move {
                    let sample = Measured {
                        rollout,
                        run,
                        sample,
                    };
                    measured.send(sample).await.is_ok()
                }
            }));
        }
        tasks
    }

    /// Inputs from a sample and from those that came with it.
    pub(super) fn heed_signals(&mut self, first: Measured) -> Vec<(RolloutKey, Input)> {
        let mut newest: BTreeMap<(RolloutKey, SignalName), SignalSample> = BTreeMap::new();
        let mut next = Some(first);
        while let Some(measured) = next {
            let of = self.running.get(&measured.rollout);
            // One of an earlier run may still have been under way.
            if of.is_some_and(|running| running.run == measured.run) {
                let key = (measured.rollout, measured.sample.name.clone());
                newest.insert(key, measured.sample);
            }
            next = self.measured.1.try_recv().ok();
        }
        newest
            .into_iter()
            .map(|((rollout, _), sample)| {
                let samples = vec![sample];
                (rollout, Input::Signals { samples })
            })
            .collect()
    }
}

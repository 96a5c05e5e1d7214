//! Measurements from outside, as far as policies ask for them.

use std::collections::BTreeMap;

use windlass_model::{
    Change, EventKind, Reading, Signal, SignalName, SignalSample, SignalStatus, Timestamp,
};

use super::Rollout;
use crate::Now;

/// The newest sample of each signal, and who wants to see which.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Of each policy, in configured order.
    wanted: Vec<Vec<SignalName>>,
    latest: BTreeMap<SignalName, SignalSample>,
    /// What policies in shadow want to see beside.
    wanted_in_shadow: Vec<SignalName>,
}

impl Signals {
    pub(super) fn new(stored: Vec<SignalSample>) -> Self {
        let latest = stored
            .into_iter()
            .map(|sample| (sample.name.clone(), sample));
        Self {
            wanted: Vec::new(),
            latest: latest.collect(),
            wanted_in_shadow: Vec::new(),
        }
    }

    pub(super) fn watch_in_shadow(&mut self, wanted: Vec<SignalName>) {
        self.wanted_in_shadow = wanted;
    }

    pub(super) fn watch(&mut self, wanted: Vec<Vec<SignalName>>) {
        self.wanted = wanted;
    }

    fn is_wanted(&self, name: &SignalName) -> bool {
        self.wanted.iter().flatten().any(|wanted| wanted == name)
    }

    /// What each policy sees of the signals that it wants, in its own order.
    pub(super) fn shown(&self, now: Timestamp) -> Vec<Vec<Signal>> {
        let all = |wanted: &Vec<SignalName>| self.of(wanted, now);
        self.wanted.iter().map(all).collect()
    }

    /// These as they are now.
    pub(super) fn of(&self, names: &[SignalName], now: Timestamp) -> Vec<Signal> {
        names.iter().map(|name| self.one(name, now)).collect()
    }

    fn one(&self, name: &SignalName, now: Timestamp) -> Signal {
        let (value, observed_at) = match self.latest.get(name) {
            None => (None, None),
            Some(sample) => match sample.reading.value() {
                // Nobody measured it since: that is what is known now.
                Some(_) if now > sample.fresh_until => (None, Some(sample.fresh_until)),
                value => (value, Some(sample.at)),
            },
        };
        Signal {
            name: name.clone(),
            value,
            observed_at,
        }
    }

    /// When the next value grows stale that was fresh at `shown`.
    pub(super) fn next_lapse(&self, shown: Timestamp) -> Option<Timestamp> {
        self.wanted
            .iter()
            .flatten()
            .filter_map(|name| self.latest.get(name))
            .filter(|sample| sample.reading.value().is_some() && sample.fresh_until >= shown)
            .map(|sample| Timestamp(sample.fresh_until.0.saturating_add(1)))
            .min()
    }
}

impl Rollout {
    /// Keeps what differs from the sample before, tells of another status, and has the policies
    /// asked.
    pub(super) fn signals_measured(&mut self, now: Now, samples: Vec<SignalSample>) {
        for sample in samples {
            let in_force = self.signals.is_wanted(&sample.name);
            if !in_force && !self.signals.wanted_in_shadow.contains(&sample.name) {
                continue;
            }
            let before = self.signals.latest.get(&sample.name);
            let was = before.map(|before| before.reading.status());
            let another = before.is_none_or(|before| before.reading != sample.reading);
            // A signal that works from the start is what everybody expects.
            if was.unwrap_or(SignalStatus::Ok) != sample.reading.status() {
                self.emit(now, changed(&sample.name, &sample.reading));
            }
            if another {
                self.change(Change::Signal(sample.clone()));
            }
            if in_force {
                self.decider.measured(another);
            }
            self.signals.latest.insert(sample.name.clone(), sample);
        }
    }
}

fn changed(signal: &SignalName, reading: &Reading) -> EventKind {
    EventKind::SignalChanged {
        signal: signal.clone(),
        status: reading.status(),
        value: reading.value(),
        message: reading.message().unwrap_or_default().to_owned(),
    }
}

use std::sync::Arc;

use windlass_model::{Device, DeviceId, Timestamp};

use crate::{
    draw::{Dice, Draw},
    profile::Spell,
    recorded::{Behaviour, Presence, RecordedDevice, RecordedFleet},
    session::Basis,
};

/// Devices of past rollouts, in strata.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    recorded: Arc<RecordedFleet>,
    source: String,
    dice: Dice,
    devices: u64,
    /// The recorded devices, neighbours alike.
    order: Arc<[usize]>,
    /// Where in that order it begins, as a part of the step between two.
    begin: u64,
}

impl Sample {
    pub(super) fn new(
        recorded: RecordedFleet,
        source: String,
        seed: u64,
        devices: Option<u64>,
    ) -> Self {
        let dice = Dice::new(seed);
        let count = recorded.devices.len();
        let mut order: Vec<usize> = (0..count).collect();
        let mut begin = 0;
        if devices.is_some_and(|devices| devices != count as u64) {
            let drawn = |index: &usize| dice.share(Draw::Sample, *index as u64, 1);
            order.sort_by(|one, other| {
                let strata = stratum(&recorded, *one).cmp(&stratum(&recorded, *other));
                strata.then_with(|| drawn(one).total_cmp(&drawn(other)))
            });
            begin = dice.between(Draw::Sample, (0, 0), 0, count as u64);
        }
        Self {
            devices: if count == 0 {
                0
            } else {
                devices.unwrap_or(count as u64)
            },
            recorded: Arc::new(recorded),
            source,
            dice,
            order: order.into(),
            begin,
        }
    }

    pub(super) fn devices(&self) -> u64 {
        self.devices
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn record(&self, number: u64) -> Device {
        Device {
            id: self.id(number),
            ..self.taken(number).device.clone()
        }
    }

    pub(super) fn id(&self, number: u64) -> DeviceId {
        let id = &self.taken(number).device.id;
        match self.again(number) {
            0 => id.clone(),
            again => DeviceId::new(format!("{id}-{again}")),
        }
    }

    pub(super) fn spell(&self, number: u64, at: Timestamp) -> Spell {
        Presence::of(self.behaviour(number)).spell(self.dice, number, at)
    }

    pub(super) fn behaviour(&self, number: u64) -> &Behaviour {
        &self.taken(number).behaviour
    }

    pub(super) fn typical(&self) -> &Behaviour {
        &self.recorded.typical
    }

    pub(super) fn basis(&self, devices: impl Iterator<Item = u64>) -> Basis {
        let typical = self.typical();
        let mut basis = Basis {
            devices: self.order.len() as u64,
            attempts: self.recorded.attempts,
            waits: self.recorded.waits,
            online: typical.online,
            failing: typical.failing,
            transfer: typical.transfer,
            unseen: 0,
            untried: 0,
            unmeasured: 0,
        };
        for number in devices {
            let seen = self.taken(number).seen;
            basis.unseen += u64::from(seen.looks == 0);
            basis.untried += u64::from(seen.tries == 0);
            basis.unmeasured += u64::from(seen.deliveries == 0);
        }
        basis
    }

    /// Which recorded device it is. There is one, or nobody would ask.
    fn taken(&self, number: u64) -> &RecordedDevice {
        let index = self.order[usize::try_from(self.position(number)).unwrap_or(usize::MAX)];
        &self.recorded.devices[index]
    }

    fn position(&self, number: u64) -> u64 {
        let count = self.order.len() as u128;
        let steps = u128::from(number) * count + u128::from(self.begin);
        u64::try_from(steps / u128::from(self.devices.max(1))).unwrap_or(u64::MAX)
    }

    /// How many before it are the same recorded device.
    fn again(&self, number: u64) -> u64 {
        let position = self.position(number);
        let reached = u128::from(position) * u128::from(self.devices);
        let missing = reached.saturating_sub(self.begin.into());
        let first = missing.div_ceil((self.order.len() as u128).max(1));
        number - u64::try_from(first).unwrap_or(number).min(number)
    }
}

/// Devices that are alike.
fn stratum(recorded: &RecordedFleet, index: usize) -> impl Ord + use<'_> {
    let device = &recorded.devices[index].device;
    (&device.kind, &device.location, &device.version)
}

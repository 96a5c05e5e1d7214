//! Which devices a person means.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::dice::Question;
use crate::shared::Shared;

/// Which devices are meant. As JSON: `"all"`, `{"devices": ["pos-1"]}`, `{"share": 0.5}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// All.
    All,
    /// Those of these ids.
    Devices(Vec<String>),
    /// This share, 0.0 to 1.0, of those that it concerns, such as the offline ones where
    /// devices are to be connected; rounded up, and drawn by the seed.
    Share(f64),
}

/// A choice that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ChoiceError {
    #[error("there is no device {0:?}")]
    NoSuchDevice(String),
    #[error("a share must be between 0 and 1, not {0}")]
    Share(f64),
}

impl Choice {
    /// The devices among those that it `concerns`. All that is asked for by id must exist.
    pub(crate) fn of(
        &self,
        shared: &Shared,
        concerns: impl Fn(&Device) -> bool,
    ) -> Result<Vec<Arc<Device>>, ChoiceError> {
        let concerned = || shared.devices.iter().filter(|device| concerns(device));
        match self {
            Self::All => Ok(concerned().cloned().collect()),
            Self::Devices(ids) => {
                let devices = shared.devices.iter();
                let known: BTreeMap<_, _> = devices.map(|device| (device.id(), device)).collect();
                let named = ids.iter().map(|id| {
                    let device = known.get(id).copied();
                    device.ok_or_else(|| ChoiceError::NoSuchDevice(id.clone()))
                });
                let named = named.collect::<Result<Vec<_>, _>>()?;
                let concerned = named.into_iter().filter(|device| concerns(device));
                Ok(concerned.cloned().collect())
            }
            Self::Share(share) if !(0.0..=1.0).contains(share) => Err(ChoiceError::Share(*share)),
            Self::Share(share) => {
                let mut drawn: Vec<_> = concerned().cloned().collect();
                drawn.sort_by(|one, other| {
                    let draw = |device: &Device| device.dice.unit(Question::Chosen, 0);
                    draw(one).total_cmp(&draw(other))
                });
                let count = (drawn.len() as f64 * share).ceil() as usize;
                drawn.truncate(count);
                Ok(drawn)
            }
        }
    }
}

impl Shared {
    /// Brings these devices online, and gives the ids of those that were not.
    pub(crate) fn connect(&self, choice: &Choice) -> Result<Vec<String>, ChoiceError> {
        let chosen = choice.of(self, |device| !device.presence.is_online())?;
        Ok(chosen
            .iter()
            .map(|device| {
                device.presence.connect();
                device.id()
            })
            .collect())
    }

    /// Takes these devices offline, and gives the ids of those that were not.
    pub(crate) fn disconnect(&self, choice: &Choice) -> Result<Vec<String>, ChoiceError> {
        let chosen = choice.of(self, |device| device.presence.is_online())?;
        Ok(chosen
            .iter()
            .map(|device| {
                device.presence.disconnect();
                device.id()
            })
            .collect())
    }
}

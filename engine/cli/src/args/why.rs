//! Why a device is where it is.

use std::time::Duration;

use clap::Args;
use windlass_model::{DeviceId, RolloutName, Timestamp};

use super::{
    Output, StateArgs,
    steering::{Moment, device_id, moment, rollout_name},
};

/// Say why a device is where it is, and what would have to happen for it to go on.
///
/// Answers from the state file alone, for every rollout: those that have the device and have not
/// ended first, then those that did not select it, with the part of the filter that said no.
#[derive(Debug, Args)]
#[command(
    override_usage = "windlass why [OPTIONS] <DEVICE> <CONFIG|--state <FILE>>",
    after_long_help = "Examples:\n  windlass why till-17 rollout.toml\n  windlass why till-17 --state state/windlass.db --rollout app-9 --output json\n  windlass why till-17 rollout.toml --at 2h\n  windlass why till-17 rollout.toml --at 2030-01-31T02:00:00+01:00"
)]
pub struct WhyArgs {
    /// The device.
    #[arg(value_parser = device_id)]
    pub device: DeviceId,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Only this rollout.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    /// As it was then, by the logs: an RFC 3339 time, or how long ago.
    #[arg(long, value_parser = past, value_name = "DURATION|TIME")]
    pub at: Option<Past>,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// An instant that is over, as people give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// On the clock.
    At(Timestamp),
    /// Before now.
    Ago(Duration),
}

impl Past {
    /// The instant that is meant at `now`.
    pub fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => {
                let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
                Timestamp(now.0.saturating_sub(span))
            }
        }
    }
}

fn past(text: &str) -> Result<Past, String> {
    Ok(match moment(text)? {
        Moment::At(at) => Past::At(at),
        Moment::In(span) => Past::Ago(span),
    })
}

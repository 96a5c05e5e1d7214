//! Trying a rollout before it touches a device.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{Args, builder::PossibleValue};
use windlass_model::Timestamp;

use super::{
    Output,
    signal::{SignalArg, signal},
};
use crate::units;

/// Live a rollout through without a device: the real rules and policies, a virtual clock, and a
/// fleet that is made up, or that behaves as past rollouts found it.
///
/// First it states the blast radius: how many devices can have been started before the rollout
/// stops by itself, if every device is there, the build breaks them at the rate of `--fail` (all
/// of them without it), and luck is as bad as it is once in a million. Then it tells how the
/// rollout goes.
///
/// Nothing is sent, no state file is written, and the payload need not be there. The same command
/// tells the same.
///
/// Exit code: 0 it was simulated, however it went; 2 bad usage, configuration or input.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  windlass simulate rollout.toml --devices 10000 --profile pos\n  windlass simulate rollout.toml --devices 1000000 --for 30d --profile vehicle --fail 2% --after 6h\n  windlass simulate rollout.toml --fall-back 2% --fall-back-after 6h\n  windlass simulate careful.toml --against bold.toml --fail 5%\n  windlass simulate rollout.toml --recorded state.db --signal errors=0.01,0.2@6h"
)]
pub struct SimulateArgs {
    /// The rollout's configuration file.
    pub config: PathBuf,
    /// A further configuration, to be lived through by the same fleet; may be given again.
    #[arg(long, value_name = "FILE")]
    pub against: Vec<PathBuf>,
    /// How many devices. They are made of the records of the fleet file, again and again with
    /// other ids; without a fleet file they are made up, 10,000 unless told otherwise. Of a
    /// recorded fleet so many are taken, in the same shares of kind, location and version.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub devices: Option<u64>,
    /// How long to watch at most.
    #[arg(long = "for", default_value = "30d", value_name = "DURATION", value_parser = span)]
    pub span: Duration,
    /// When it starts; a Monday morning unless told otherwise, so that a session can be had again.
    #[arg(long, default_value = "2026-01-05T08:00:00Z", value_name = "TIME", value_parser = start)]
    pub start: Timestamp,
    /// How the devices are connected: tills, nine in ten while their shop is open; vehicles, 50 to
    /// 70 %; sensors, 20 to 40 %; screens, 95 %.
    #[arg(long, value_enum, default_value_t, value_name = "PROFILE")]
    pub profile: ProfileName,
    /// The fleet of this state file instead: its devices, when they are connected, how often
    /// their attempts fail and how long they take. The file is only read, and may be in use.
    #[arg(long, value_name = "STATE", conflicts_with = "profile")]
    pub recorded: Option<PathBuf>,
    /// The build is bad: it breaks this share of the devices, such as `0.02` or `2%`.
    #[arg(long, value_name = "RATE", value_parser = share)]
    pub fail: Option<f64>,
    /// How long after the start of an attempt it is known that the build broke the device.
    #[arg(long, default_value = "0s", value_name = "DURATION", value_parser = delay, requires = "fail")]
    pub after: Duration,
    /// The build does not last: this share of the devices that run it, such as `0.02` or `2%`,
    /// runs after a while again what it ran before. Only verifying again finds them.
    #[arg(long, value_name = "RATE", value_parser = share)]
    pub fall_back: Option<f64>,
    /// How long after a device began to run the release it falls back.
    #[arg(long, default_value = "1h", value_name = "DURATION", value_parser = delay, requires = "fall_back")]
    pub fall_back_after: Duration,
    /// This share of attempts is broken off by the network, and may do better the next time.
    #[arg(long, default_value = "0", value_name = "RATE", value_parser = share)]
    pub flaky: f64,
    /// How long a transfer takes with its installation, on average; each takes half as much more
    /// or less. 2m unless told otherwise, or as recorded.
    #[arg(long, value_name = "DURATION", value_parser = transfer)]
    pub transfer: Option<Duration>,
    /// What a signal reads that a policy asks for: `errors=0.01`; `errors=0.01,0.2@6h` for another
    /// value from six hours on; `errors=missing`; `errors=0.01+0.5*harmed` to rise with the share
    /// of devices that the build has broken; `errors=recorded` for what the newest rollout of
    /// `--recorded` that measured it read. May be given again.
    #[arg(long = "signal", value_name = "NAME=VALUE", value_parser = signal)]
    pub signals: Vec<SignalArg>,
    /// What the fleet and its luck are drawn from.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Transfers at once, instead of `engine.concurrency`.
    #[arg(long, env = "WINDLASS_CONCURRENCY", value_name = "COUNT")]
    pub concurrency: Option<NonZeroUsize>,
    /// Also write the chart to this file, as one HTML page.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// The word for a [`Profile`](windlass_simulate::Profile).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileName(pub windlass_simulate::Profile);

impl Default for ProfileName {
    fn default() -> Self {
        Self(windlass_simulate::Profile::Pos)
    }
}

impl clap::ValueEnum for ProfileName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [ProfileName; windlass_simulate::Profile::ALL.len()] = {
            let [a, b, c, d] = windlass_simulate::Profile::ALL;
            [
                ProfileName(a),
                ProfileName(b),
                ProfileName(c),
                ProfileName(d),
            ]
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.as_str()))
    }
}

/// Shorter spans show nothing, and clocks are of no use in longer ones.
const SPANS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(366 * 86_400));
/// A transfer of no time would let a fleet be updated in an instant.
const TRANSFERS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(86_400));

fn span(text: &str) -> Result<Duration, String> {
    within(text, SPANS)
}

fn transfer(text: &str) -> Result<Duration, String> {
    within(text, TRANSFERS)
}

fn delay(text: &str) -> Result<Duration, String> {
    within(text, (Duration::ZERO, SPANS.1))
}

fn within(text: &str, (least, most): (Duration, Duration)) -> Result<Duration, String> {
    let length = units::parse_duration(text).map_err(|error| error.to_string())?;
    if (least..=most).contains(&length) {
        Ok(length)
    } else {
        Err(format!(
            "it is at least {} and at most {}",
            units::format_duration(least),
            units::format_duration(most)
        ))
    }
}

fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let share = number.trim().parse::<f64>().ok().map(|share| share / whole);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "a share is a number from 0 to 1, or from 0% to 100%".to_owned())
}

fn start(text: &str) -> Result<Timestamp, String> {
    let at: jiff::Timestamp = text
        .parse()
        .map_err(|_| "expected a time such as `2030-01-31T02:00:00+01:00`")?;
    let millis = u64::try_from(at.as_millisecond());
    Ok(Timestamp(millis.map_err(|_| "it is before 1970")?))
}

//! Orders to rollouts, dead letters and condemned releases.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use windlass_model::{DeviceId, FailureKind, RolloutName, Timestamp};

use super::{Output, StateArgs};
use crate::units;

/// Who asks, why, and how the answer is written.
#[derive(Clone, Debug, Args)]
pub struct WhoArgs {
    /// Why; kept in the log.
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    pub reason: String,
    /// Who; kept in the log.
    #[arg(
        long,
        env = "USER",
        default_value = "operator",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub actor: String,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// Where a command finds the state, and of which rollout it speaks.
#[derive(Clone, Debug, Args)]
pub struct OrderArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Which rollout; without it that of the configuration, or the only one that has not
    /// ended.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// End a rollout: nothing starts any more.
///
/// Transfers under way come to their end, unless they are to be cut.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  windlass abort rollout.toml --cancel-in-flight --reason 'tills freeze'"
)]
pub struct AbortArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub order: OrderArgs,
    /// Cut transfers under way.
    #[arg(long)]
    pub cancel_in_flight: bool,
}

/// Take a release back: end its rollout, and bring its devices to what they ran before.
///
/// What they go back to says `[rollback]` in the configuration. It is a rollout of its own,
/// with the highest priority; whoever runs the rollout runs it next, and if nobody does, the
/// next `windlass run` does.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  windlass rollback rollout.toml --reason 'wrong prices'")]
pub struct RollbackArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub order: OrderArgs,
    /// Cut transfers under way.
    #[arg(long)]
    pub cancel_in_flight: bool,
}

/// Put other policies in force in a rollout under way, or the same with other settings.
///
/// They are those of `[rollout] policies` in the configuration; nothing else of it counts.
/// Targets are placed anew: the first policy cuts them into its cohorts, and each cohort is
/// charged with those of its devices that were started before. What a policy noted is taken
/// over by the one that takes its place. Approvals given before are void. If a new policy fails
/// one of its first three decisions, or cannot judge devices, those before are put back.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  windlass swap-policy rollout.toml --dry-run\n  windlass swap-policy rollout.toml --reason 'slower over the weekend'"
)]
pub struct SwapPolicyArgs {
    /// The configuration with the new policies; names the state file too.
    pub config: PathBuf,
    /// The state file.
    #[arg(long, env = "WINDLASS_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Which rollout; without it that of the configuration.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    /// Have policies begin with nothing noted, where they would have to take it over.
    #[arg(long)]
    pub restart_memo: bool,
    /// Show what would change, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// Consent to pass a gate that a policy waits at.
#[derive(Debug, Args)]
#[command(
    override_usage = "windlass approve [OPTIONS] <GATE> <CONFIG|--state <FILE>>",
    after_long_help = "Examples:\n  windlass approve canary-ok rollout.toml\n  windlass approve canary-ok --state state/windlass.db --expires-in 4h"
)]
pub struct ApproveArgs {
    /// The gate's name, as `windlass status` shows it.
    pub gate: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub order: OrderArgs,
    /// When the consent lapses if nobody passed by it: an RFC 3339 time, or a duration from
    /// now.
    #[arg(long, alias = "until", value_parser = moment, value_name = "DURATION|TIME")]
    pub expires_in: Option<Moment>,
}

/// Go on past the gate, soak or quorum that a rollout stands at.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  windlass advance rollout.toml\n  windlass advance rollout.toml --full --reason 'security fix'"
)]
pub struct AdvanceArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub order: OrderArgs,
    /// Past every further gate too.
    #[arg(long)]
    pub full: bool,
}

/// Leave a device out of a rollout; one in flight is left out after its attempt.
#[derive(Debug, Args)]
#[command(
    override_usage = "windlass exclude [OPTIONS] <DEVICE> <CONFIG|--state <FILE>>",
    after_long_help = "Example:\n  windlass exclude till-17 rollout.toml --reason 'in repair'"
)]
pub struct DeviceOrderArgs {
    /// The device.
    #[arg(value_parser = device_id)]
    pub device: DeviceId,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub order: OrderArgs,
}

/// Try a device that waits or was put off now.
#[derive(Debug, Args)]
#[command(
    override_usage = "windlass retry [OPTIONS] <DEVICE> <CONFIG|--state <FILE>>",
    after_long_help = "Example:\n  windlass retry till-17 rollout.toml"
)]
pub struct RetryArgs {
    /// The device.
    #[arg(value_parser = device_id)]
    pub device: DeviceId,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub order: OrderArgs,
}

/// Where a command that takes names of its own finds the state.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = true)]
pub struct StateOption {
    /// A configuration file that names the state file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The state file.
    #[arg(long, env = "WINDLASS_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// Devices whose attempts are used up, and that wait for a person.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List them.
    List(LettersListArgs),
    /// Show one with all its attempts.
    #[command(
        override_usage = "windlass dead-letters show [OPTIONS] <DEVICE> <CONFIG|--state <FILE>>"
    )]
    Show(LettersShowArgs),
    /// Give some fresh attempts; a rollout that had completed goes on.
    #[command(
        after_long_help = "Examples:\n  windlass dead-letters requeue till-17 till-18 --config rollout.toml\n  windlass dead-letters requeue --all --kind unreachable --config rollout.toml"
    )]
    Requeue(LetterFateArgs),
    /// Leave some as they are, for good: they end as failed.
    #[command(
        after_long_help = "Example:\n  windlass dead-letters dismiss till-17 --config rollout.toml --reason scrapped"
    )]
    Dismiss(LetterFateArgs),
}

/// `dead-letters list`.
#[derive(Debug, Args)]
pub struct LettersListArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Only this rollout's.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    /// At most so many.
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub limit: usize,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// `dead-letters show`.
#[derive(Debug, Args)]
pub struct LettersShowArgs {
    /// The device.
    #[arg(value_parser = device_id)]
    pub device: DeviceId,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Of this rollout; of every one without it.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// `dead-letters requeue` and `dead-letters dismiss`.
#[derive(Debug, Args)]
pub struct LetterFateArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub which: LetterChoice,
    /// Of those of `--all`, only those whose last failure was of this kind, such as
    /// `unreachable`.
    #[arg(long, requires = "all", value_parser = failure_kind, value_name = "KIND")]
    pub kind: Option<FailureKind>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateOption,
    /// Only this rollout's.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// Some devices, or all.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct LetterChoice {
    /// Their devices.
    #[arg(value_parser = device_id, value_name = "DEVICE")]
    pub devices: Vec<DeviceId>,
    /// All of them.
    #[arg(long)]
    pub all: bool,
}

/// Releases that failed, and that nothing starts until a person forgives them.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// List condemned releases.
    List(ReleaseListArgs),
    /// Allow a condemned release again.
    #[command(
        after_long_help = "Example:\n  windlass release forgive pos-app 2.3.0 --config rollout.toml --reason 'it was the network'"
    )]
    Forgive(ReleaseForgiveArgs),
}

/// `release list`.
#[derive(Debug, Args)]
pub struct ReleaseListArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// `release forgive`.
#[derive(Debug, Args)]
pub struct ReleaseForgiveArgs {
    /// The release's name.
    pub name: String,
    /// Its version.
    pub version: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateOption,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// An instant as people give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// On the clock.
    At(Timestamp),
    /// From now.
    In(std::time::Duration),
}

impl Moment {
    /// The instant that is meant at `now`.
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::In(duration) => now.plus(duration),
        }
    }
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    match units::parse_duration(text) {
        Ok(duration) => Ok(Moment::In(duration)),
        Err(error) => match text.parse::<jiff::Timestamp>() {
            Ok(at) => {
                // Before 1970 is the past like any other.
                let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
                Ok(Moment::At(Timestamp(millis)))
            }
            Err(_) => Err(format!(
                "{error}; or write a time such as `2030-01-31T02:00:00+01:00`"
            )),
        },
    }
}

pub(super) fn device_id(text: &str) -> Result<DeviceId, String> {
    match text.len() {
        1..=DeviceId::MAX_BYTES => Ok(DeviceId::new(text)),
        _ => Err(format!("an id has 1 to {} bytes", DeviceId::MAX_BYTES)),
    }
}

pub(super) fn rollout_name(text: &str) -> Result<RolloutName, String> {
    match text {
        "" => Err("a name is not empty".into()),
        _ => Ok(RolloutName::new(text)),
    }
}

fn failure_kind(text: &str) -> Result<FailureKind, String> {
    let known = FailureKind::ALL.map(FailureKind::as_str);
    match FailureKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
    {
        Some(kind) => Ok(kind),
        None => Err(format!("the kinds are {}", known.join(", "))),
    }
}

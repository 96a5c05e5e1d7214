//! The log of decisions.

use clap::Args;
use windlass_model::{PluginName, RolloutName};

use super::{Output, StateArgs, steering::rollout_name};

/// Show what the policies of a rollout decided, on what grounds and why.
///
/// A decision is recorded when its ceilings, its verdict, its reasons, its triggers or its memo
/// differ from the last one of the same policy; one that says the same again is counted.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  windlass decisions rollout.toml -n 5 --follow\n  windlass decisions --state state/windlass.db --rollout app-9 --output json"
)]
pub struct DecisionsArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Which rollout; without it that of the configuration, or the only one that has not
    /// ended.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    /// Only the newest so many, and what follows with `--follow`.
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only those of policies in shadow.
    #[arg(long)]
    pub shadow: bool,
    /// Wait for further decisions.
    #[arg(long)]
    pub follow: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// Run recorded decisions again, and compare.
///
/// Each is given the view and the memo that it was given then, by the component and the settings
/// that the state file keeps. The first that comes out otherwise is shown field by field.
///
/// With `--policy` another policy is asked instead, one of the configuration: it sees every view
/// that was recorded, in order, and keeps a memo of its own. Shown is where it would have
/// allowed or said something else. What it would have changed is not lived through: for that
/// there is `windlass simulate`.
///
/// Exit code: 0 none differs; 1 one does; 2 something that is needed is not there.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  windlass replay rollout.toml\n  windlass replay --state state/windlass.db --rollout app-9 --from 118\n  windlass replay rollout.toml --policy careful --of careful"
)]
pub struct ReplayArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Which rollout; without it that of the configuration, or the only one that has not
    /// ended.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    /// Begin with this decision, by the number that `windlass decisions` shows.
    #[arg(long, default_value_t = 1, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(1..))]
    pub from: i64,
    /// Ask this plugin of the configuration instead, with its component and settings as they
    /// are there now.
    #[arg(long, value_name = "PLUGIN", value_parser = plugin_name, requires = "config")]
    pub policy: Option<PluginName>,
    /// Whose decisions `--policy` is compared with; without it those of the policy of the same
    /// name, or of the only one.
    #[arg(long, value_name = "POLICY", value_parser = plugin_name, requires = "policy")]
    pub of: Option<PluginName>,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

fn plugin_name(text: &str) -> Result<PluginName, std::convert::Infallible> {
    Ok(PluginName::new(text))
}

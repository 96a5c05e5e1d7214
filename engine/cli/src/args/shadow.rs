//! Policies in shadow.

use std::{convert::Infallible, path::PathBuf};

use clap::{Args, Subcommand};
use windlass_model::{PluginName, RolloutName};

use super::{
    Output, StateArgs,
    steering::{StateOption, WhoArgs, rollout_name},
};

/// Policies that are asked beside those in force and never obeyed.
///
/// A policy in shadow sees what those in force see, by cohorts of its own. What it says is
/// recorded and compared, and nothing follows from it. `[rollout] shadow` in the configuration
/// puts some there when the rollout is run.
#[derive(Debug, Subcommand)]
pub enum ShadowCommand {
    /// Put a policy in shadow of a rollout under way.
    #[command(
        after_long_help = "Examples:\n  windlass shadow add rollout.toml candidate --reason 'stricter next month?'"
    )]
    Add(ShadowAddArgs),
    /// Ask a policy in shadow no longer; what it said stays in the report.
    #[command(
        after_long_help = "Example:\n  windlass shadow remove candidate --config rollout.toml"
    )]
    Remove(ShadowRemoveArgs),
    /// Show where, how often and by how much policies in shadow would have differed.
    #[command(
        after_long_help = "Examples:\n  windlass shadow report rollout.toml\n  windlass shadow report --state state/windlass.db --rollout app-9 --shadow candidate --output json"
    )]
    Report(ShadowReportArgs),
}

/// What to put in shadow.
#[derive(Debug, Args)]
pub struct ShadowAddArgs {
    /// The configuration that has the policy as a plugin; names the state file too.
    pub config: PathBuf,
    /// The plugin, by its name there. It is none of the policies in force.
    #[arg(value_name = "PLUGIN", value_parser = plugin_name)]
    pub policy: PluginName,
    /// The state file.
    #[arg(long, env = "WINDLASS_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Which rollout; without it that of the configuration.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// What to take out of the shadow.
#[derive(Debug, Args)]
pub struct ShadowRemoveArgs {
    /// The policy.
    #[arg(value_name = "POLICY", value_parser = plugin_name)]
    pub policy: PluginName,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateOption,
    /// Which rollout; without it that of the configuration, or the only one that has not
    /// ended.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// What to report on.
#[derive(Debug, Args)]
pub struct ShadowReportArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Which rollout; without it that of the configuration, or the only one that has not
    /// ended.
    #[arg(long, value_name = "NAME", value_parser = rollout_name)]
    pub rollout: Option<RolloutName>,
    /// Only this policy.
    #[arg(long, value_name = "POLICY", value_parser = plugin_name)]
    pub shadow: Option<PluginName>,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

fn plugin_name(text: &str) -> Result<PluginName, Infallible> {
    Ok(PluginName::new(text))
}

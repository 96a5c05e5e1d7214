//! The command line. Flag over environment over file over default (design §7.13).

mod decisions;
mod devices;
mod shadow;
mod signal;
mod simulate;
mod steering;
mod why;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use windlass_runtime::WaitFor;

use crate::{config::Overrides, units};

pub use decisions::{DecisionsArgs, ReplayArgs};
pub use devices::{
    DecommissionArgs, HoldArgs, HoldsArgs, Lasting, PinArgs, SubjectArgs, UnholdArgs,
};
pub use shadow::{ShadowAddArgs, ShadowCommand, ShadowRemoveArgs, ShadowReportArgs};
pub use signal::{SignalArg, SignalCourse};
pub use simulate::SimulateArgs;
pub use steering::{
    AbortArgs, AdvanceArgs, ApproveArgs, DeadLettersCommand, DeviceOrderArgs, LetterChoice,
    LetterFateArgs, LettersListArgs, LettersShowArgs, Moment, OrderArgs, ReleaseCommand,
    ReleaseForgiveArgs, ReleaseListArgs, RetryArgs, RollbackArgs, StateOption, SwapPolicyArgs,
    WhoArgs,
};
pub use why::{Past, WhyArgs};

/// Takes a release to a fleet of devices: safely, in order, and never twice.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What the engine logs on standard error: error, warn, info, debug, trace, or filters such
    /// as `windlass_host=debug`.
    #[arg(
        long,
        global = true,
        env = "WINDLASS_LOG",
        default_value = "warn",
        value_name = "FILTER"
    )]
    pub log: String,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "clap shows the documentation of the arguments' types"
)]
pub enum Command {
    Run(RunArgs),
    Demo(DemoArgs),
    Check(CheckArgs),
    Signals(SignalsArgs),
    Plan(PlanArgs),
    Status(StatusArgs),
    Events(EventsArgs),
    Decisions(DecisionsArgs),
    Why(WhyArgs),
    Replay(ReplayArgs),
    Simulate(SimulateArgs),
    /// Start nothing more in a rollout until it is resumed; what is in flight finishes.
    #[command(
        after_long_help = "Example:\n  windlass pause rollout.toml --reason 'the depot calls'"
    )]
    Pause(OrderArgs),
    /// Go on after a pause.
    #[command(after_long_help = "Example:\n  windlass resume rollout.toml")]
    Resume(OrderArgs),
    Abort(AbortArgs),
    Rollback(RollbackArgs),
    SwapPolicy(SwapPolicyArgs),
    #[command(subcommand)]
    Shadow(ShadowCommand),
    Approve(ApproveArgs),
    Advance(AdvanceArgs),
    Exclude(DeviceOrderArgs),
    Retry(RetryArgs),
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    #[command(subcommand)]
    Release(ReleaseCommand),
    #[command(subcommand)]
    Devices(DevicesCommand),
    Fleet(FleetArgs),
    #[command(subcommand)]
    Plugin(PluginCommand),
    Completions(CompletionsArgs),
    Schema(SchemaArgs),
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Human,
    /// JSON, one object a line.
    Json,
}

/// Run a rollout; the same command goes on after an interruption.
///
/// Exit code: 0 every target succeeded or was rightly skipped; 1 it finished otherwise; 2 bad
/// usage, configuration or input, and nothing was touched; 3 stopped or held before the end:
/// run the same command to go on.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The rollout's configuration file.
    pub config: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub overrides: Overrides,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
    /// When to come back if devices are offline or a gate holds: `done` never, `blocked` as soon
    /// as only a person, a gate or an offline device could move it on, or after a time such as
    /// `10m` in which nothing moved.
    #[arg(long, default_value = "blocked", value_parser = wait_for, value_name = "done|blocked|DURATION")]
    pub wait: WaitFor,
    /// Lift a pause that a policy, a person or a changed payload left behind.
    #[arg(long)]
    pub resume: bool,
    /// Go on although filter, policies or settings differ from those it was started with.
    #[arg(long)]
    pub accept_changes: bool,
}

/// Show the main job on 300 simulated devices on this machine.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How many devices to simulate.
    #[arg(long, default_value = "300", value_name = "N", value_parser = clap::value_parser!(u32).range(20..=20_000))]
    pub devices: u32,
    /// Seeds which devices are flaky or offline.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub seed: u64,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// Check a configuration and everything it names; touch nothing.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration file.
    pub config: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub overrides: Overrides,
}

/// Poll each signal of a configuration once, and show what it says; touch nothing else.
///
/// Exit code: 0 each has a value; 2 one has none, or the configuration is wrong.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  windlass signals rollout.toml\n  windlass signals rollout.toml --recorded"
)]
pub struct SignalsArgs {
    /// The configuration file.
    pub config: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub overrides: Overrides,
    /// Poll nothing, and show what the rollout measured: each signal's samples that differ from
    /// the one before, at most 256.
    #[arg(long)]
    pub recorded: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// Show which device is in which cohort, and why the others are not; touch nothing.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The configuration file.
    pub config: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub overrides: Overrides,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
    /// Devices listed per cohort, and among those left out; the rest is counted.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub limit: usize,
}

/// Where a command finds the state.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = true)]
pub struct StateArgs {
    /// A configuration file that names the state file.
    pub config: Option<PathBuf>,
    /// The state file.
    #[arg(long, env = "WINDLASS_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// Show where rollouts stand, while they run or after.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Only this rollout, with its devices that are not done.
    #[arg(long, value_name = "NAME")]
    pub rollout: Option<String>,
    /// Show it again whenever it changes, until every rollout has ended: redrawn in place on a
    /// terminal, as JSON lines elsewhere.
    #[arg(long)]
    pub watch: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// Show the log of events.
#[derive(Debug, Args)]
pub struct EventsArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Only events after this number.
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    pub after: u64,
    /// Only this rollout's.
    #[arg(long, value_name = "NAME")]
    pub rollout: Option<String>,
    /// Wait for further events.
    #[arg(long)]
    pub follow: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// Look after the registry of devices.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "clap shows the documentation of the arguments' types"
)]
pub enum DevicesCommand {
    /// Add devices from a file, or renew what is known of them.
    Import(DevicesImportArgs),
    /// List devices.
    List(DevicesListArgs),
    Hold(HoldArgs),
    Pin(PinArgs),
    Release(UnholdArgs),
    Holds(HoldsArgs),
    Decommission(DecommissionArgs),
}

/// `devices import`.
#[derive(Debug, Args)]
pub struct DevicesImportArgs {
    /// JSON array, NDJSON or CSV.
    pub file: PathBuf,
    /// The state file; made if it is not there.
    #[arg(long, env = "WINDLASS_STATE", value_name = "FILE")]
    pub state: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// `devices list`.
#[derive(Debug, Args)]
pub struct DevicesListArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// Only devices for which this CEL expression holds, such as `device.kind == "pos"`.
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// Simulate a fleet of devices that speak the built-in HTTP delivery's protocol.
#[derive(Debug, Args)]
pub struct FleetArgs {
    /// How many devices.
    #[arg(long, value_name = "N", required_unless_present = "devices", conflicts_with = "devices", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: Option<u32>,
    /// Simulate the devices of this list, a JSON array as `[fleet] devices` reads it: with their
    /// ids and versions; those that it calls offline start offline. Their addresses are of no
    /// account; `--export` writes the list with those to reach them at.
    #[arg(long, value_name = "FILE")]
    pub devices: Option<PathBuf>,
    /// The port that all devices listen on; each has an address of its own in 127.0.0.0/8.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
    /// Give each device a port of its own on 127.0.0.1 instead; for small fleets.
    #[arg(long, conflicts_with = "port")]
    pub own_ports: bool,
    /// Where the fault `cut` breaks a body.
    #[arg(long, default_value = "64KiB", value_parser = units::parse_size, value_name = "SIZE")]
    pub cut_at: u64,
    /// Seeds which device fails how.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Write the fleet it serves, in the form that `[fleet] devices` reads.
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// Write the report, as JSON, when the simulation ends.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The version that devices run at first.
    #[arg(long, default_value = "1.0.0", value_name = "VERSION")]
    pub version: String,
    /// Time before every answer.
    #[arg(long, value_parser = units::parse_duration, value_name = "DURATION")]
    pub latency: Option<Duration>,
    /// What a device takes a second, such as `1MiB`.
    #[arg(long, value_parser = units::parse_size, value_name = "SIZE")]
    pub bandwidth: Option<u64>,
    /// Time from the last byte until the new version is reported.
    #[arg(long, value_parser = units::parse_duration, value_name = "DURATION")]
    pub install: Option<Duration>,
    /// Time after the install in which connections are refused.
    #[arg(long, value_parser = units::parse_duration, value_name = "DURATION")]
    pub reboot: Option<Duration>,
    /// How late the fault `late` answers, and when `regress` falls back.
    #[arg(long, default_value = "10s", value_parser = units::parse_duration, value_name = "DURATION")]
    pub fault_after: Duration,
    /// Let programs watch and control the devices here: `GET /report`, `GET /devices`, `POST
    /// /connect` and `/disconnect` with `"all"`, `{"devices":[ID,…]}` or `{"share":0.5}`. Without
    /// authentication: keep it on loopback.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub control: Option<SocketAddr>,
    /// Share of devices with a fault, such as `flaky=0.05`, or `bad=0.1@2.3.0` for pushes of one
    /// version only; may be given several times. Kinds: flaky (503 twice, then well), bad or
    /// server-error (500), busy (429 once), reject, refuse, hang, cut (in the middle of the first
    /// push), swallow (installs, no answer), late (installs, answers late), mute (never tells its
    /// version), wrong-version, regress (runs it, then falls back).
    #[arg(long = "fault", value_name = "KIND=SHARE[@VERSION]")]
    pub faults: Vec<String>,
    /// Share of devices that are offline.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub offline: f64,
    /// When offline devices connect by themselves.
    #[arg(long, value_parser = units::parse_duration, value_name = "DURATION")]
    pub connect_after: Option<Duration>,
    /// End after this time; without it, at SIGINT or SIGTERM.
    #[arg(long = "for", value_parser = units::parse_duration, value_name = "DURATION")]
    pub duration: Option<Duration>,
}

/// Look at plugins.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Say what a component is, what it imports and which settings it takes.
    Inspect(PluginInspectArgs),
}

/// `plugin inspect`.
#[derive(Debug, Args)]
pub struct PluginInspectArgs {
    /// A component file, or `builtin:NAME`.
    #[arg(value_name = "FILE|builtin:NAME")]
    pub component: String,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// Write a completion script for a shell.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell.
    pub shell: clap_complete::Shell,
}

/// Write the JSON Schema of the configuration file, for editors.
#[derive(Debug, Args)]
pub struct SchemaArgs {}

fn wait_for(text: &str) -> Result<WaitFor, String> {
    match text {
        "done" => Ok(WaitFor::Done),
        "blocked" => Ok(WaitFor::Blocked),
        _ => units::parse_duration(text)
            .map(WaitFor::For)
            .map_err(|error| format!("{error}; or write `done` or `blocked`")),
    }
}

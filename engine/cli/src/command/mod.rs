//! A file per command. Each returns how the process ends; what is wrong with the input
//! comes back as diagnostics, which `main` shows.

mod check;
mod chore;
mod completions;
mod dead_letters;
mod decisions;
mod demo;
mod devices;
mod events;
mod fleet;
mod holds;
mod plan;
mod plugin;
mod release;
mod remote;
mod replay;
mod replay_under;
mod run;
mod schema;
mod shadow;
mod signals;
mod simulate;
mod status;
mod steer;
mod swap;
mod watch;
mod why;

use windlass_model::Steering;

use crate::{
    args::{Command, DeadLettersCommand, DevicesCommand, PluginCommand, ReleaseCommand},
    console::Unheard,
    control::Fate,
    diagnostic::Diagnostics,
    exit::Exit,
};

/// Why a command ended without doing what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The input is wrong; nothing was touched.
    #[error("{0}")]
    Input(#[from] Diagnostics),
    /// Something broke while it worked; what was committed stands.
    #[error("{0:#}")]
    Broken(#[from] anyhow::Error),
    /// Whoever read its output has heard enough.
    #[error("nobody reads the output any more")]
    Unread,
}

impl From<Unheard> for Failure {
    fn from(unheard: Unheard) -> Self {
        match unheard {
            Unheard::ReaderGone => Self::Unread,
            Unheard::Failed(_) => Self::Broken(unheard.into()),
        }
    }
}

impl From<crate::diagnostic::Diagnostic> for Failure {
    fn from(diagnostic: crate::diagnostic::Diagnostic) -> Self {
        Self::Input(diagnostic.into())
    }
}

/// Carries out a command.
///
/// # Errors
/// See [`Failure`].
pub async fn execute(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(args).await,
        Command::Demo(args) => demo::demo(args).await,
        Command::Check(args) => check::check(args).await,
        Command::Signals(args) => signals::signals(args).await,
        Command::Plan(args) => plan::plan(args).await,
        Command::Status(args) => status::status(&args).await,
        Command::Events(args) => events::events(&args).await,
        Command::Decisions(args) => decisions::decisions(&args).await,
        Command::Why(args) => why::why(&args).await,
        Command::Replay(args) => replay::replay(&args).await,
        Command::Simulate(args) => simulate::simulate(&args).await,
        Command::Pause(args) => steer::order(args, Steering::Pause).await,
        Command::Resume(args) => steer::order(args, Steering::Resume).await,
        Command::Abort(args) => steer::abort(args).await,
        Command::Rollback(args) => steer::roll_back(args).await,
        Command::SwapPolicy(args) => swap::swap(args).await,
        Command::Shadow(command) => shadow::shadow(command).await,
        Command::Approve(args) => steer::approve(args).await,
        Command::Advance(args) => steer::advance(args).await,
        Command::Exclude(args) => steer::exclude(args).await,
        Command::Retry(args) => steer::retry(args).await,
        Command::DeadLetters(command) => dead_letters(command).await,
        Command::Release(ReleaseCommand::List(args)) => release::list(&args),
        Command::Release(ReleaseCommand::Forgive(args)) => release::forgive(args).await,
        Command::Devices(command) => devices(command).await,
        Command::Fleet(args) => fleet::fleet(args).await,
        Command::Plugin(PluginCommand::Inspect(args)) => plugin::inspect(args).await,
        Command::Completions(args) => completions::completions(&args),
        Command::Schema(_) => schema::schema(),
    }
}

async fn dead_letters(command: DeadLettersCommand) -> Result<Exit, Failure> {
    match command {
        DeadLettersCommand::List(args) => dead_letters::list(&args),
        DeadLettersCommand::Show(args) => dead_letters::show(&args),
        DeadLettersCommand::Requeue(args) => dead_letters::deal(args, Fate::Requeue).await,
        DeadLettersCommand::Dismiss(args) => dead_letters::deal(args, Fate::Dismiss).await,
    }
}

async fn devices(command: DevicesCommand) -> Result<Exit, Failure> {
    match command {
        DevicesCommand::Import(args) => devices::import(args).await,
        DevicesCommand::List(args) => devices::list(args).await,
        DevicesCommand::Hold(args) => holds::hold(args).await,
        DevicesCommand::Pin(args) => holds::pin(args).await,
        DevicesCommand::Release(args) => holds::lift(args).await,
        DevicesCommand::Holds(args) => holds::list(&args),
        DevicesCommand::Decommission(args) => holds::decommission(args).await,
    }
}

//! A file per command. Each returns how the process ends; what is wrong with the input
//! comes back as diagnostics, which `main` shows.

mod check;
mod completions;
mod demo;
mod devices;
mod events;
mod fleet;
mod plan;
mod plugin;
mod run;
mod schema;
mod status;
mod watch;

use crate::{
    args::{Command, DevicesCommand, PluginCommand},
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
        Command::Plan(args) => plan::plan(args).await,
        Command::Status(args) => status::status(&args),
        Command::Events(args) => events::events(&args).await,
        Command::Devices(DevicesCommand::Import(args)) => devices::import(args).await,
        Command::Devices(DevicesCommand::List(args)) => devices::list(args).await,
        Command::Fleet(args) => fleet::fleet(args).await,
        Command::Plugin(PluginCommand::Inspect(args)) => plugin::inspect(args).await,
        Command::Completions(args) => Ok(completions::completions(&args)),
        Command::Schema(_) => Ok(schema::schema()),
    }
}

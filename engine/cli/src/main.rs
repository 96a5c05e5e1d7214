//! The command `windlass`: a thin shell over its library.

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use windlass_cli::{
    args::{Cli, Command},
    command::{self, Failure},
    console,
    exit::Exit,
    memory,
};

/// A push takes some sixty allocations; with the system's allocator it takes a twentieth more
/// instructions.
#[global_allocator]
static ALLOCATOR: memory::MiMalloc = memory::MiMalloc;

fn main() -> ExitCode {
    memory::give_back_soon();
    let cli = Cli::parse();
    let filter = match EnvFilter::try_new(&cli.log) {
        Ok(filter) => filter,
        Err(error) => {
            console::error(&format!("error: `--log {}` is no filter: {error}", cli.log));
            return Exit::BadInput.into();
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            console::error(&format!("error: the runtime cannot start: {error}"));
            return Exit::Resumable.into();
        }
    };
    let broken = match cli.command {
        Command::Run(_) | Command::Demo(_) => Exit::Resumable,
        _ => Exit::Finished,
    };
    match runtime.block_on(command::execute(cli.command)) {
        Ok(exit) => exit.into(),
        Err(Failure::Input(diagnostics)) => {
            diagnostics.emit();
            Exit::BadInput.into()
        }
        Err(Failure::Unread) => Exit::Unread.into(),
        Err(Failure::Broken(error)) => {
            console::error(&format!("error: {error:#}"));
            broken.into()
        }
    }
}

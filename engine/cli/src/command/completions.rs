use clap::CommandFactory as _;

use super::Failure;
use crate::{
    args::{Cli, CompletionsArgs},
    console,
    exit::Exit,
};

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "windlass", &mut script);
    console::show(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}

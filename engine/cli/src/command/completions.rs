use clap::CommandFactory as _;

use crate::{
    args::{Cli, CompletionsArgs},
    console,
    exit::Exit,
};

pub(super) fn completions(args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "windlass", &mut script);
    console::text(&String::from_utf8_lossy(&script));
    Exit::Success
}

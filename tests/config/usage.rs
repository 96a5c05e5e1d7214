//! What the commands say of themselves.

use clap::CommandFactory as _;
use windlass_cli::args::Cli;

/// The usage of every command names what it takes in the order in which it takes it.
#[test]
fn usages_keep_the_order_of_arguments() {
    let mut root = Cli::command();
    root.build();
    let mut commands = vec![root];
    let mut looked = 0;
    while let Some(mut command) = commands.pop() {
        commands.extend(command.get_subcommands().cloned());
        let usage = command.render_usage().to_string();
        let places: Vec<_> = command
            .get_positionals()
            .filter_map(|argument| argument.get_value_names()?.first())
            .filter_map(|name| {
                usage
                    .find(&format!("<{name}"))
                    .or(usage.find(&format!("[{name}")))
            })
            .collect();
        looked += usize::from(places.len() > 1);
        assert!(places.is_sorted(), "{usage}");
    }
    assert!(looked >= 5, "only {looked} commands take several arguments");
}

use super::Failure;
use crate::{
    args::{Output, SimulateArgs},
    console,
    exit::Exit,
    simulate::{live, session_json, text},
};

pub(super) async fn simulate(args: &SimulateArgs) -> Result<Exit, Failure> {
    let mut sessions = Vec::new();
    for config in std::iter::once(&args.config).chain(&args.against) {
        sessions.push(live(config, args).await?);
    }
    for session in &sessions {
        match args.output {
            Output::Human => console::text(&text(session)),
            Output::Json => console::line(&session_json(session).to_string()),
        }
    }
    Ok(Exit::Success)
}

//! A run in another process: the one that owns the state file.

use std::path::Path;

use anyhow::Context as _;

use super::{
    Failure,
    run::{Ends, actor, again},
    watch::{Screen, Signals, give_up},
};
use crate::{
    args::RunArgs,
    config::StateLocation,
    console,
    control::{Call, CallError, Errand, Interrupt, Request, Response, RunErrand},
    diagnostic::Diagnostic,
    exit::Exit,
    render::Names,
};

/// Hands a run to the owner of `state` and shows it as if it were here. The inner error says
/// why the owner could not be asked now; it may be asked again.
pub(super) async fn run(state: &Path, args: &RunArgs) -> Result<Result<Exit, String>, Failure> {
    let request = Request {
        actor: actor(),
        reason: String::new(),
        what: Errand::Run(errand(args)?),
    };
    match place(state, &request).await? {
        Ok(call) => follow(call, args).await.map(Ok),
        Err(why) => Ok(Err(why)),
    }
}

/// Asks the owner. The inner error says why it could not be asked now.
///
/// # Errors
/// If asking again is of no use.
pub(super) async fn place(
    state: &Path,
    request: &Request,
) -> Result<Result<Call, String>, Failure> {
    let file = std::fs::canonicalize(state).unwrap_or_else(|_| state.to_owned());
    match Call::place(&file, request).await {
        Ok(call) => Ok(Ok(call)),
        Err(error @ CallError::Nobody(_)) => Ok(Err(reason(&error))),
        Err(error @ CallError::Silent) => Ok(Err(reason(&error))),
        Err(error @ CallError::OtherVersion { .. }) => Err(Diagnostic::error(error.to_string())
            .help("ask with the program that the process runs, or stop it with SIGTERM and run this one")
            .into()),
        Err(error @ (CallError::Broken(_) | CallError::NotUnderstood(_))) => Err(Failure::Broken(error.into())),
    }
}

fn reason(error: &CallError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn errand(args: &RunArgs) -> Result<RunErrand, Failure> {
    let absolute =
        |path: &Path| std::path::absolute(path).context("the current directory cannot be told");
    let state = match &args.overrides.state {
        Some(StateLocation::File(path)) => Some(absolute(path)?),
        Some(StateLocation::Memory) | None => None,
    };
    Ok(RunErrand {
        config: absolute(&args.config)?,
        directory: std::env::current_dir().context("the current directory cannot be told")?,
        state,
        concurrency: args.overrides.concurrency,
        wait: args.wait,
        resume: args.resume,
        accept_changes: args.accept_changes,
    })
}

async fn follow(mut call: Call, args: &RunArgs) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let mut interrupts = [Interrupt::Stop, Interrupt::Cut].into_iter();
    let mut current = None;
    let mut first = None;
    let mut ends = Ends::default();
    loop {
        let response = tokio::select! {
            response = call.next() => response.context("the run went on without this terminal")?,
            () = signals.next() => {
                match interrupts.next() {
                    Some(interrupt) => call
                        .interrupt(interrupt)
                        .await
                        .context("the run went on without this terminal")?,
                    None => give_up(),
                }
                continue;
            }
        };
        match response {
            Response::Warning(text) => console::error(&text),
            Response::LeftBehind(text) => {
                console::error(&text);
                ends.left_behind = true;
            }
            Response::Entered(name) => {
                first.get_or_insert_with(|| name.clone());
                let screen = Screen::new(args.output, Names::new());
                if let Some((screen, _)) = current.replace((screen, name)) {
                    screen.leave();
                }
            }
            Response::Event { rollout, logged } => {
                if let Some((screen, _)) = &mut current {
                    if let (Some(key), Some(name)) = (logged.event.rollout, &rollout) {
                        screen.know(key, name);
                    }
                    screen.event(&logged);
                }
            }
            Response::Progress(sample) => {
                if let Some((screen, _)) = &mut current {
                    screen.progress(&sample);
                }
            }
            Response::Ended(end) => {
                let mut place = ends.runs.len();
                if let Some((screen, name)) = current.take() {
                    screen.end(&name, &end, &again(args));
                    // Those that take it back may be over before it.
                    place = if first.as_ref() == Some(&name) {
                        0
                    } else {
                        place
                    };
                }
                ends.runs.insert(place, end);
            }
            Response::Over => return Ok(ends.exit()),
            Response::Refused(text) => {
                console::error(&text);
                return Ok(Exit::BadInput);
            }
            Response::Failed(text) => return Err(Failure::Broken(anyhow::Error::msg(text))),
            Response::Done(_) | Response::Driving(_) => {
                return Err(Failure::Broken(anyhow::Error::msg(
                    "the owner answered something else",
                )));
            }
        }
    }
}

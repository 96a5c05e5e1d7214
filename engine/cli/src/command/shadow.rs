//! Policies in shadow: put there, taken out, and how they compare.

use anyhow::Context as _;
use windlass_store::{Store, StoredShadow};

use super::{Failure, chore};
use crate::{
    args::{Output, ShadowAddArgs, ShadowCommand, ShadowRemoveArgs, ShadowReportArgs, StateOption},
    console,
    control::{Chore, ShadowErrand, ShadowWish},
    diagnostic::{Diagnostic, nearest, quote},
    exit::Exit,
    owner::rollout_meant,
    render::{shadow_json, shadow_text},
    setup,
};

pub(super) async fn shadow(command: ShadowCommand) -> Result<Exit, Failure> {
    match command {
        ShadowCommand::Add(args) => add(args).await,
        ShadowCommand::Remove(args) => remove(args).await,
        ShadowCommand::Report(args) => report(&args),
    }
}

async fn add(args: ShadowAddArgs) -> Result<Exit, Failure> {
    let subject = setup::subject(&StateOption {
        config: Some(args.config.clone()),
        state: args.state,
    })?;
    let chore = Chore::Shadow(ShadowErrand {
        policy: args.policy,
        rollout: args.rollout,
        wish: ShadowWish::Add {
            config: args.config,
            directory: std::env::current_dir().context("the current directory cannot be told")?,
        },
    });
    chore::report(&subject.file, &args.who, chore).await
}

async fn remove(args: ShadowRemoveArgs) -> Result<Exit, Failure> {
    let subject = setup::subject(&args.state)?;
    let chore = Chore::Shadow(ShadowErrand {
        policy: args.policy,
        rollout: args.rollout.or(subject.rollout),
        wish: ShadowWish::Remove,
    });
    chore::report(&subject.file, &args.who, chore).await
}

fn report(args: &ShadowReportArgs) -> Result<Exit, Failure> {
    let subject = setup::subject(&(&args.state).into())?;
    let store =
        Store::open_read_only(&subject.file).map_err(|error| setup::open_diagnostic(&error))?;
    let named = args.rollout.as_ref().or(subject.rollout.as_ref());
    let rollout = rollout_meant(&store, named)?;
    let all = store
        .shadows(rollout.key)
        .context("the policies in shadow could not be read")?;
    let shown: Vec<_> = all
        .iter()
        .filter(|one| {
            args.shadow
                .as_ref()
                .is_none_or(|name| one.pin.name == *name)
        })
        .collect();
    if let (Some(name), []) = (&args.shadow, shown.as_slice()) {
        return Err(unknown(name.as_str(), &all).into());
    }
    if shown.is_empty() && args.output == Output::Human {
        console::show_line(&format!(
            "{}: no policy is or was in shadow; `windlass shadow add` or `[rollout] shadow` puts \
             one there",
            rollout.plan.name
        ))?;
    }
    for shadow in shown {
        match args.output {
            Output::Human => {
                let config = args.state.config.as_deref();
                console::show(&shadow_text(&rollout, shadow, config))?;
            }
            Output::Json => console::show_line(&shadow_json(&rollout, shadow).to_string())?,
        }
    }
    Ok(Exit::Success)
}

fn unknown(name: &str, all: &[StoredShadow]) -> Diagnostic {
    let error = Diagnostic::error(format!("no policy {} is or was in shadow", quote(name)));
    let known = || all.iter().map(|shadow| shadow.pin.name.as_str());
    match nearest(name, known()) {
        Some(meant) => error.help(format!("did you mean {}?", quote(meant))),
        None if all.is_empty() => error.note("the rollout never had one in shadow"),
        None => {
            let names: Vec<_> = known().map(quote).collect();
            error.note(format!("those are {}", names.join(", ")))
        }
    }
}

use std::time::{Duration, Instant};

use windlass_runtime::RunEnd;
use windlass_store::{OpenError, Store};

use super::{
    Failure, remote,
    watch::{self, Heeding},
};
use crate::{
    args::{Output, RunArgs},
    config::{Config, StateLocation},
    console,
    exit::Exit,
    owner::{Owner, Ownership, RunOptions},
    setup::{self, Prepared},
};

/// How long a state file may have an owner that does not answer: one that is just coming or
/// going, or a command that has it for a moment.
pub(super) const TRY_FOR: Duration = Duration::from_secs(2);

/// Between two tries.
pub(super) const TRY_AGAIN: Duration = Duration::from_millis(50);

pub(super) async fn run(args: RunArgs) -> Result<Exit, Failure> {
    let (config, _) = setup::read_config(&args.config, &args.overrides)?;
    loop {
        if let Some(exit) = handed_over(&config, &args).await? {
            return Ok(exit);
        }
        let progress = watch::Preparing::new(args.output);
        let prepared = setup::prepare(&args.config, &args.overrides, &progress).await?;
        progress.finish();
        let ownership = match Ownership::start(&prepared.config, &prepared.host) {
            // Somebody was faster while this was prepared.
            Err(_) if taken(&config.engine.state).is_some() => continue,
            other => other?,
        };
        let options = RunOptions {
            wait: args.wait,
            accept_changes: args.accept_changes,
            resumed_by: args.resume.then(actor),
        };
        let show = Show {
            output: args.output,
            again: again(&args),
        };
        let ends = roll_out(ownership, prepared, &options, &show).await?;
        return Ok(ends.exit());
    }
}

/// How the run came out in the process that owns the state file; none if nobody does.
async fn handed_over(config: &Config, args: &RunArgs) -> Result<Option<Exit>, Failure> {
    let began = Instant::now();
    while let Some(file) = taken(&config.engine.state) {
        let why = match remote::run(&file, args).await? {
            Ok(exit) => return Ok(Some(exit)),
            Err(why) => why,
        };
        if began.elapsed() > TRY_FOR {
            setup::state_is_free(config).map_err(|problem| problem.note(why))?;
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
    Ok(None)
}

/// The state file, if another process has it.
fn taken(state: &StateLocation) -> Option<std::path::PathBuf> {
    match state {
        StateLocation::Memory => None,
        StateLocation::File(path) => match Store::probe(path) {
            Err(OpenError::InUse { .. }) => Some(path.clone()),
            Ok(()) | Err(_) => None,
        },
    }
}

/// How a run is shown.
pub(super) struct Show {
    pub(super) output: Output,
    /// The command that goes on.
    pub(super) again: String,
}

/// The command that goes on.
pub(super) fn again(args: &RunArgs) -> String {
    format!("windlass run {}", args.config.display())
}

/// Who the log says it was.
pub(super) fn actor() -> String {
    std::env::var("USER").unwrap_or_else(|_| "operator".into())
}

/// How runs came out.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// The first end is the rollout's, further ones are of those that took it back.
    pub(super) runs: Vec<RunEnd>,
    /// Whether devices stay on a release that was to be taken back.
    pub(super) left_behind: bool,
}

impl Ends {
    pub(super) fn exit(&self) -> Exit {
        let runs = self.runs.iter();
        match of_runs(runs.map(|end| Exit::of_run(end.outcome, &end.counts))) {
            Exit::Success if self.left_behind => Exit::Finished,
            exit => exit,
        }
    }
}

fn of_runs(exits: impl Iterator<Item = Exit>) -> Exit {
    exits
        .reduce(|first, next| match (first, next) {
            (_, Exit::Resumable) => next,
            (Exit::Success, _) => next,
            (first, _) => first,
        })
        .unwrap_or(Exit::Success)
}

/// The main job: from what is prepared to the end of the run, that of its rollbacks included.
pub(super) async fn roll_out(
    ownership: Ownership,
    mut prepared: Prepared,
    options: &RunOptions,
    show: &Show,
) -> Result<Ends, Failure> {
    for warning in std::mem::take(&mut prepared.warnings).iter() {
        warning.emit();
    }
    let signals = Heeding::signals(ownership.owner());
    let ends = match &signals {
        Ok(_) => sail(ownership.owner(), prepared, options, show).await,
        Err(_) => Ok(Ends::default()),
    };
    let others = ownership.owner().driven();
    if !others.is_empty() && !ownership.is_broken() {
        let names: Vec<_> = others.iter().map(ToString::to_string).collect();
        console::error(&format!(
            "note: rollouts of other terminals are not over: {}; Ctrl-C stops them",
            names.join(", ")
        ));
    }
    let ended = ownership.end().await;
    drop(signals?);
    match (ends, ended) {
        // If the engine broke off, that is why the rollout did.
        (Err(Failure::Broken(_)), Err(cause)) => Err(cause),
        (ends, Ok(())) => ends,
        (Err(input), Err(_)) => Err(input),
        (Ok(_), Err(cause)) => Err(cause),
    }
}

async fn sail(
    owner: &Owner,
    prepared: Prepared,
    options: &RunOptions,
    show: &Show,
) -> Result<Ends, Failure> {
    let mut voyage = owner.enter(prepared, options).await?;
    for warning in voyage.warnings.iter() {
        warning.emit();
    }
    let runs = watch::show(owner, &mut voyage, show).await?;
    let parting = owner.farewell(&voyage).await?;
    if let Some(parting) = &parting {
        parting.warning.emit();
    }
    Ok(Ends {
        runs,
        left_behind: parting.is_some_and(|parting| parting.left_behind),
    })
}

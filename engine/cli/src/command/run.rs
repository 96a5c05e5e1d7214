use std::sync::Arc;

use anyhow::Context as _;
use windlass_core::identity;
use windlass_model::{RolloutKey, RolloutPlan, RolloutState, StoredRollout};
use windlass_runtime::{
    Driver, DriverParts, PluginExecutor, RunEnd, WaitFor,
    bus::Bus,
    clock::{Clock, SystemClock},
    planning,
};
use windlass_store::{StoreHandle, StoreThread};

use super::{Failure, watch};
use crate::{
    args::{Output, RunArgs},
    diagnostic::Diagnostic,
    exit::Exit,
    setup::{self, Prepared},
};

pub(super) async fn run(args: RunArgs) -> Result<Exit, Failure> {
    let progress = watch::Preparing::new(args.output);
    let prepared = setup::prepare(&args.config, &args.overrides, &progress).await?;
    progress.finish();
    let options = RunOptions {
        output: args.output,
        wait: args.wait,
        accept_changes: args.accept_changes,
        resumed_by: args.resume.then(actor),
        again: format!("windlass run {}", args.config.display()),
    };
    let end = roll_out(prepared, options).await?;
    Ok(Exit::of_run(end.outcome, &end.counts))
}

/// How a rollout is run.
pub(super) struct RunOptions {
    pub(super) output: Output,
    pub(super) wait: WaitFor,
    pub(super) accept_changes: bool,
    /// Who lifts a pause, if somebody does.
    pub(super) resumed_by: Option<String>,
    /// The command that goes on.
    pub(super) again: String,
}

/// Who the log says it was.
fn actor() -> String {
    std::env::var("USER").unwrap_or_else(|_| "operator".into())
}

/// The main job: from what is prepared to the end of the run.
pub(super) async fn roll_out(prepared: Prepared, options: RunOptions) -> Result<RunEnd, Failure> {
    for warning in prepared.warnings.iter() {
        warning.emit();
    }
    let thread = StoreThread::start(setup::open_state(&prepared.config)?)
        .context("the store cannot start")?;
    let store = thread.handle();
    let outcome = with_store(prepared, &store, options).await;
    drop(store);
    thread.shutdown().await.context("the state file failed")?;
    outcome
}

async fn with_store(
    prepared: Prepared,
    store: &StoreHandle,
    options: RunOptions,
) -> Result<RunEnd, Failure> {
    let clock = SystemClock::new();
    let Prepared {
        config,
        host,
        parts,
        components,
        ..
    } = prepared;
    let name = parts.name.clone();
    let known = known_rollout(store, &parts, options.accept_changes).await?;
    let has_ended = known.as_ref().is_some_and(has_ended);
    if let Some(file) = config.devices.as_ref().filter(|_| !has_ended) {
        setup::import_fleet(store, &file.value, setup::Import::Replace, clock.now().wall).await?;
    }
    let rollout = match known {
        Some(rollout) => rollout.key,
        None => create_rollout(store, &parts, &clock).await?,
    };
    for component in components {
        let digest = component.plugin.digest();
        store
            .run(move |store| store.put_component(&digest, &component.bytes))
            .await
            .context("the state file failed")?
            .context("a plugin's component could not be kept")?;
    }
    let bus = Bus::default();
    let after = store
        .run(|store| store.last_event())
        .await
        .context("the state file failed")?
        .context("the events could not be read")?;
    let events = bus.subscribe(store.clone(), after);
    let driver = Driver::load(DriverParts {
        clock,
        executor: Arc::new(PluginExecutor::new(parts, store.clone())),
        store: store.clone(),
        bus,
        rollout,
        concurrency: config.engine.concurrency,
        wait: options.wait,
        resumed_by: options.resumed_by,
    })
    .await
    .context("the rollout could not be taken up")?;
    let end = watch::watch(
        driver,
        events,
        options.output,
        (rollout, name),
        &options.again,
    )
    .await?;
    drop(host);
    Ok(end)
}

fn has_ended(rollout: &StoredRollout) -> bool {
    matches!(
        rollout.state,
        RolloutState::Aborted | RolloutState::Completed
    )
}

/// The rollout of this name, if it was started before and is still the same one.
async fn known_rollout(
    store: &StoreHandle,
    parts: &windlass_runtime::Parts,
    accept_changes: bool,
) -> Result<Option<StoredRollout>, Failure> {
    let name = parts.name.clone();
    let known = store
        .run(move |store| store.rollout(&name))
        .await
        .context("the state file failed")?
        .context("the rollout could not be looked up")?;
    match known {
        Some(rollout) => take_up(store, parts, rollout, accept_changes)
            .await
            .map(Some),
        None => Ok(None),
    }
}

/// Selects the targets and keeps the plan.
async fn create_rollout(
    store: &StoreHandle,
    parts: &windlass_runtime::Parts,
    clock: &SystemClock,
) -> Result<RolloutKey, Failure> {
    let now = clock.now().wall;
    let selection = planning::select(store, parts, now)
        .await
        .map_err(setup::plan_diagnostic)?;
    if selection.targets.is_empty() {
        Diagnostic::warning("no device is selected: there is nothing to do").emit();
    }
    let release = parts.release.clone();
    let key = store
        .run(move |store| store.put_release(&release, now))
        .await
        .context("the state file failed")?
        .context("the release could not be kept")?;
    let plan = planning::plan(parts, key, &selection);
    store
        .run(move |store| store.create_rollout(&plan, &mut selection.targets.into_iter(), now))
        .await
        .context("the state file failed")?
        .context("the rollout could not be kept")
        .map_err(Failure::Broken)
}

async fn take_up(
    store: &StoreHandle,
    parts: &windlass_runtime::Parts,
    rollout: StoredRollout,
    accept_changes: bool,
) -> Result<StoredRollout, Failure> {
    let key = rollout.plan.release;
    let stored = store
        .run(move |store| store.release(key))
        .await
        .context("the state file failed")?
        .context("the release could not be looked up")?;
    if stored.sha256 != parts.release.sha256 {
        return Err(Diagnostic::error(format!(
            "the rollout `{}` was started with another payload: its SHA-256 was {}, now it is {}",
            parts.name, stored.sha256, parts.release.sha256,
        ))
        .help("give this rollout another name")
        .into());
    }
    if has_ended(&rollout) {
        return Ok(rollout);
    }
    let selection = planning::Selection {
        targets: Vec::new(),
        cohorts: rollout.plan.cohorts.clone(),
        unselected: rollout.plan.unselected,
    };
    let wanted = planning::plan(parts, rollout.plan.release, &selection);
    accept(store, &rollout, wanted, accept_changes).await?;
    Ok(rollout)
}

/// A changed filter, policy or rule is shown, and taken over only if asked for.
async fn accept(
    store: &StoreHandle,
    rollout: &StoredRollout,
    wanted: RolloutPlan,
    accept_changes: bool,
) -> Result<(), Failure> {
    let differences = identity::differences(&rollout.plan, &wanted);
    if !differences.is_empty() && !accept_changes {
        let mut diagnostic = Diagnostic::error(format!(
            "the configuration differs from the one that the rollout `{}` was started with",
            wanted.name
        ));
        for difference in &differences {
            diagnostic = diagnostic.note(difference.to_string());
        }
        return Err(diagnostic
            .help("add --accept-changes to go on with the new one")
            .into());
    }
    if wanted == rollout.plan {
        return Ok(());
    }
    let key = rollout.key;
    store
        .run(move |store| store.replace_plan(key, &wanted))
        .await
        .context("the state file failed")?
        .context("the changed plan could not be kept")?;
    Ok(())
}

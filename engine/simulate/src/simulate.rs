use windlass_model::CohortView;

use crate::{
    luck::Luck,
    placing::{self, Targets, number},
    plugins::Plugins,
    recorder::FAILED,
    scenario::{Scenario, SimulateError},
    session::{BlastRadius, CohortCourse, Harm, Session},
    world::{Ended, World},
};

/// A rollout whose devices were selected and cut into cohorts.
pub struct Planned(Targets);

/// States the worst case, then lives the rollout through. The same scenario and the same
/// plugins give the same session.
///
/// # Errors
/// If the filter selects nothing, or a plugin fails. A policy that cannot decide is no error: the
/// rollout holds, as it would.
pub async fn simulate<P: Plugins>(
    scenario: &Scenario,
    plugins: &P,
) -> Result<Session, SimulateError<P::Error>> {
    let planned = plan(scenario, plugins).await?;
    let radius = worst_case(scenario, plugins, &planned).await?;
    let session = live(scenario, plugins, &planned).await?;
    Ok(Session {
        blast_radius: Some(radius),
        ..session
    })
}

/// Selects the devices and cuts the cohorts.
///
/// # Errors
/// As [`simulate`].
pub async fn plan<P: Plugins>(
    scenario: &Scenario,
    plugins: &P,
) -> Result<Planned, SimulateError<P::Error>> {
    placing::place(scenario, plugins).await.map(Planned)
}

/// The most devices that can have been started before an abort can act.
///
/// # Errors
/// If a plugin fails.
pub async fn worst_case<P: Plugins>(
    scenario: &Scenario,
    plugins: &P,
    planned: &Planned,
) -> Result<BlastRadius, SimulateError<P::Error>> {
    let targets = &planned.0;
    let luck = Luck::worst(scenario, targets);
    let mut world = World::new(scenario, plugins, targets, luck);
    let ended = world.live().await.map_err(SimulateError::Plugin)?;
    let (devices, at, open) = match ended.stopped_with {
        Some((at, devices)) => {
            let cohorts = world.rollout.cohorts().iter();
            let open = cohorts.rev().find(|cohort| cohort.started > 0);
            (devices, Some(at.since(scenario.began)), open)
        }
        None => {
            let all = targets.ranked.len() as u64;
            (all, None, world.rollout.cohorts().last())
        }
    };
    Ok(BlastRadius {
        devices,
        rate: scenario.faults.rate(),
        cohort: open.map(|cohort| cohort.name.clone()).unwrap_or_default(),
        at,
    })
}

/// Lives the rollout through, without a statement before.
///
/// # Errors
/// If a plugin fails.
pub async fn live<P: Plugins>(
    scenario: &Scenario,
    plugins: &P,
    planned: &Planned,
) -> Result<Session, SimulateError<P::Error>> {
    let targets = &planned.0;
    let mut world = World::new(scenario, plugins, targets, Luck::Drawn);
    let ended = world.live().await.map_err(SimulateError::Plugin)?;
    Ok(session(scenario, world, targets, ended))
}

fn session<P: Plugins>(
    scenario: &Scenario,
    mut world: World<'_, P>,
    targets: &Targets,
    ended: Ended,
) -> Session {
    let samples = world.recorder.finish(ended.at, world.rollout.cohorts());
    let cohorts = world.rollout.cohorts().iter().enumerate();
    let recorder = &world.recorder;
    Session {
        rollout: scenario.rollout.to_string(),
        configuration: scenario.configuration.clone(),
        seed: scenario.seed,
        fleet: scenario.fleet.name().to_owned(),
        recorded: scenario
            .fleet
            .basis(targets.ranked.iter().map(|(device, _)| number(*device))),
        signals: scenario.signals.clone(),
        devices: targets.ranked.len() as u64,
        began: scenario.began,
        span: scenario.span,
        cohorts: cohorts
            .map(|(index, cohort)| course(scenario, cohort, recorder.running(index)))
            .collect(),
        samples,
        peak_starts: recorder.peak_starts(),
        updated: recorder.updated(),
        harm: Harm {
            failures: recorder.failures,
            harmed: world.harmed_count,
            fell_back: world.fell_back(),
        },
        blast_radius: None,
        decisions: recorder.decisions,
        marks: world.recorder.marks(),
        end: ended.end,
    }
}

fn course(scenario: &Scenario, cohort: &CohortView, succeeded: u64) -> CohortCourse {
    let since = |at: windlass_model::Timestamp| at.since(scenario.began);
    CohortCourse {
        name: cohort.name.clone(),
        size: cohort.size,
        first_started: cohort.first_started.map(since),
        ended: cohort
            .last_ended
            .filter(|_| cohort.ended == cohort.size)
            .map(since),
        succeeded,
        failed: FAILED.iter().map(|kind| cohort.states.get(*kind)).sum(),
    }
}

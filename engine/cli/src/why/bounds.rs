//! What the engine lets start: it may do as much at once as its configuration says.

use anyhow::Context as _;
use windlass_model::{EngineBounds, GroupLimit};

use super::{Cause, Facts, Findings, Next};
use crate::{
    config::field_text,
    diagnostic::clean,
    render::{bytes, count},
};

/// Notes the caps on transfers that are reached.
pub(super) fn full(facts: &Facts<'_>, findings: &mut Findings) -> anyhow::Result<()> {
    let Some(bounds) = known(facts) else {
        return Ok(());
    };
    let transfers = |key| {
        let counted = facts.scene.store.transfers(key);
        counted.context("the transfers could not be counted")
    };
    let mut all = 0;
    for rollout in &facts.scene.rollouts {
        all += transfers(rollout.key)?;
    }
    let most = u64::from(bounds.transfers.get());
    if all >= most {
        let text = format!("all slots of the engine are taken: {all} of {most}");
        findings.cause(Cause::host("cap", text));
        findings.next(Next::when("when one of them ends"));
    }
    if let Some(most) = facts.rollout.plan.settings.concurrency {
        let most = u64::from(most.get());
        let taken = transfers(facts.rollout.key)?;
        if taken >= most {
            let text = format!("all slots of the rollout are taken: {taken} of {most}");
            findings.cause(Cause::host("rollout-cap", text));
            findings.next(Next::when("when one of them ends"));
        }
    }
    group_transfers(facts, bounds, findings)
}

/// Bounds are known of the present alone.
fn known<'a>(facts: &'a Facts<'_>) -> Option<&'a EngineBounds> {
    facts
        .scene
        .bounds
        .as_ref()
        .filter(|_| !facts.scene.over && facts.scene.owned)
}

/// The groups with bounds that the device is in.
fn groups<'a>(
    facts: &'a Facts<'_>,
    bounds: &'a EngineBounds,
) -> impl Iterator<Item = (&'a GroupLimit, String)> {
    let device = &facts.scene.device.device;
    bounds
        .groups
        .iter()
        .filter_map(|limit| Some((limit, limit.by.of(device)?)))
}

fn group_transfers(
    facts: &Facts<'_>,
    bounds: &EngineBounds,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    for (limit, value) in groups(facts, bounds) {
        let Some(most) = limit.transfers else {
            continue;
        };
        let mut under_way = 0;
        for rollout in &facts.scene.rollouts {
            under_way += facts
                .scene
                .store
                .transfers_in(rollout.key, &limit.by, &value)
                .context("the transfers could not be counted")?;
        }
        let most = u64::from(most.get());
        if under_way >= most {
            let group = format!("{} {}", field_text(&limit.by), clean(&value));
            let text = format!("all slots of the group {group} are taken: {under_way} of {most}");
            findings.cause(Cause::host("group-cap", text));
            findings.next(Next::when("when one of them ends"));
        }
    }
    Ok(())
}

/// Notes the groups of which so many members are out of service that no further one may be.
pub(super) fn group_down(facts: &Facts<'_>, findings: &mut Findings) -> anyhow::Result<()> {
    let Some(bounds) = known(facts) else {
        return Ok(());
    };
    for (limit, value) in groups(facts, bounds) {
        let Some(most) = limit.unavailable else {
            continue;
        };
        let group = [(limit.by.clone(), value.clone())];
        let down = facts
            .scene
            .store
            .down(&group, &[])
            .context("the groups could not be read")?;
        let down = down.into_iter().flatten();
        let others = down.filter(|key| *key != facts.scene.device.key).count() as u64;
        if others >= u64::from(most.get()) {
            let group = format!("{} {}", field_text(&limit.by), clean(&value));
            let verb = if others == 1 { "is" } else { "are" };
            let text = format!(
                "{} of the group {group} {verb} out of service, and no more than {most} may be",
                count(others, "member")
            );
            findings.cause(Cause::host("group-cap", text));
            findings.next(Next::when("when one of them is back in service"));
        }
    }
    Ok(())
}

/// A retry that is due waits for the budget, if there is one.
pub(super) fn retries(facts: &Facts<'_>, findings: &mut Findings) {
    let budget = known(facts).and_then(|bounds| bounds.retries_per_minute);
    if let Some(most) = budget {
        let retries = match most.get() {
            1 => "one retry".to_owned(),
            most => format!("{most} retries"),
        };
        let text = format!("the engine starts at most {retries} a minute, and it is due");
        findings.cause(Cause::host("retry-budget", text));
        findings.next(Next::when("when the budget has a retry left"));
    }
}

/// What makes a transfer slow on our side.
pub(super) fn throttled(facts: &Facts<'_>, findings: &mut Findings) {
    let Some(bounds) = known(facts) else {
        return;
    };
    let groups = groups(facts, bounds).filter_map(|(limit, value)| {
        let rate = limit.bandwidth?;
        let group = format!("the group {} {}", field_text(&limit.by), clean(&value));
        Some((group, rate))
    });
    let engine = bounds.bandwidth.map(|rate| ("the engine".to_owned(), rate));
    for (whose, rate) in engine.into_iter().chain(groups) {
        let text = format!(
            "it shares the bandwidth of {whose}, {}/s, with the other transfers",
            bytes(rate.get())
        );
        findings.cause(Cause::host("bandwidth", text));
    }
    findings.next(Next::when("when it has all bytes"));
}

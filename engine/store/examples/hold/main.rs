//! How long an order about policies keeps the engine's loop waiting for the store, in a rollout of
//! a million devices of which so many have started and ended:
//!
//! ```text
//! cargo run --release -p windlass-store --example hold -- 1000000 1000000
//! ```
//!
//! A path behind the numbers keeps the file there, and uses one that is there already.

#![expect(clippy::print_stdout, reason = "its figures are for people")]

#[path = "../scale/fleet.rs"]
mod fleet;
#[path = "../scale/sets.rs"]
mod sets;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::{env, error::Error, num::NonZeroU32, path::PathBuf, time::Instant};

use windlass_model::{
    AssignmentId, ChangeSet, Cohort, CohortIndex, DeviceKey, Inheritance, NewShadow, PluginName,
    PluginPin, PolicySwap, RolloutKey, RolloutName, Sha256, ShadowEnd, ShadowOrigin, ShadowPlaces,
    Timestamp,
};
use windlass_store::{Location, Store};

const NOW: Timestamp = Timestamp(2_000);
const SETS_A_TRANSACTION: usize = 512;
/// Devices of one page of targets.
const PAGE: usize = 8_192;
/// Targets that the engine counts for a shadow at a time.
const TALLIED_AT_ONCE: usize = 4_096;
const SHADOW: &str = "candidate";

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let mut arguments = env::args().skip(1);
    let (Some(devices), Some(started)) = (arguments.next(), arguments.next()) else {
        return Err("say how many devices there are, and how many of them have started".into());
    };
    let directory = tempfile::tempdir()?;
    let path = arguments
        .next()
        .map_or_else(|| directory.path().join("state.db"), PathBuf::from);
    let is_new = !path.exists();
    let mut store = Store::open(&Location::File(path))?;
    if is_new {
        write(&mut store, devices.parse()?, started.parse()?)?;
    }
    let rollout = store.rollout(&RolloutName::new("r"))?;
    let rollout = rollout.ok_or("it was written here")?.key;
    shadow(&mut store, rollout)?;
    swap(&mut store, rollout)
}

fn timed<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = step();
    println!("{:7.1} ms: {what}", begun.elapsed().as_secs_f64() * 1e3);
    result
}

fn write(store: &mut Store, devices: u32, started: usize) -> Outcome {
    store.import_devices((0..devices).map(fleet::device), NOW)?;
    let mut plan = support::plan(store);
    plan.policies = vec![pin("careful")];
    plan.cohorts = vec![cohort("all", u64::from(devices))];
    let total = i64::from(devices);
    // In an order that has nothing to do with that of the rows.
    let mut targets = (0..total).map(|rank| (DeviceKey(rank * 7_919 % total + 1), CohortIndex(0)));
    let rollout = store.create_rollout(&plan, &mut targets, NOW)?;
    store.reserve_attempt_ids(devices)?;
    let mut ids = (1..).filter_map(NonZeroU32::new);
    let (mut after, mut left) = (None, started);
    while left > 0 {
        let rows = store.assignments(rollout, after, left.min(SETS_A_TRANSACTION))?;
        let last = rows.last().ok_or("more started than there are")?;
        (after, left) = (Some(last.id), left - rows.len());
        let ids = ids.by_ref().take(rows.len());
        let pairs: Vec<_> = ids
            .zip(&rows)
            .map(|(id, row)| sets::sets(rollout, row, id))
            .collect();
        for turn in 0..2 {
            let sets: Vec<&ChangeSet> = pairs.iter().map(|pair| &pair[turn]).collect();
            for answer in store.commit(&sets) {
                answer?;
            }
        }
    }
    Ok(())
}

fn shadow(store: &mut Store, rollout: RolloutKey) -> Outcome {
    let who = ("ada", "");
    let mut members = Vec::new();
    let mut after = None;
    let mut longest = 0.0_f64;
    loop {
        let begun = Instant::now();
        let page = store.targets(rollout, after, PAGE)?;
        longest = longest.max(begun.elapsed().as_secs_f64());
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        members.extend(page.iter().map(|(row, _)| (row.id.0 % 3) as u16));
    }
    println!("{:7.1} ms: the longest page of targets", longest * 1e3);
    let new = NewShadow {
        pin: pin(SHADOW),
        origin: ShadowOrigin::Person,
        placed: Ok(ShadowPlaces {
            cohorts: thirds(|of| members.iter().filter(|one| **one == of).count() as u64),
            members,
        }),
    };
    timed("a shadow is written", || {
        store.add_shadow(rollout, &new, who, NOW)
    })?;
    let shadows = timed("the shadows are read", || store.shadow_snapshots(rollout))?;
    let mut from = shadows.first().ok_or("it is there")?.members.first;
    let begun = Instant::now();
    let mut longest = 0.0_f64;
    loop {
        let page_begun = Instant::now();
        let page = store.tallied_targets(rollout, from, TALLIED_AT_ONCE)?;
        longest = longest.max(page_begun.elapsed().as_secs_f64());
        let Some(last) = page.last() else { break };
        from = AssignmentId(last.id.0 + 1);
    }
    println!(
        "{:7.1} ms: its targets are counted, the longest page {:.1} ms",
        begun.elapsed().as_secs_f64() * 1e3,
        longest * 1e3
    );
    let name = PluginName::new(SHADOW);
    timed("a shadow is taken out", || {
        store.remove_shadow(rollout, &name, ShadowEnd::Person, who, NOW)
    })?;
    Ok(())
}

fn swap(store: &mut Store, rollout: RolloutKey) -> Outcome {
    let plan = store.rollout_by_key(rollout)?.plan;
    let total = plan.cohorts.iter().map(|cohort| cohort.size).sum::<u64>();
    let rows = store.assignments(rollout, None, 1)?;
    let first = rows.first().ok_or("it has targets")?.id.0;
    let place = |id: i64| (id % 3) as u16;
    let ids = first..first + i64::try_from(total)?;
    let swap = PolicySwap {
        actor: "ada".to_owned(),
        reason: String::new(),
        replaces: plan.policies,
        policies: vec![pin("stricter")],
        decided: 0,
        memos: vec![Inheritance::Given(Vec::new())],
        cohorts: thirds(|of| ids.clone().filter(|id| place(*id) == of).count() as u64),
        moves: ids
            .clone()
            .filter(|id| place(*id) > 0)
            .map(|id| (AssignmentId(id), CohortIndex(u32::from(place(id)))))
            .collect(),
    };
    let moved = swap.moves.len();
    timed(
        &format!("policies are swapped, {moved} devices move"),
        || store.swap_policies(rollout, &swap, NOW),
    )?;
    timed("the rollout is read", || {
        store.snapshot_but_shadows(rollout)
    })?;
    timed("the policies are taken back", || {
        store.take_policies_back(rollout, &PluginName::new("stricter"), "trapped", NOW)
    })?;
    timed("the rollout is read", || {
        store.snapshot_but_shadows(rollout)
    })?;
    Ok(())
}

fn thirds(size: impl Fn(u16) -> u64) -> Vec<Cohort> {
    let names = (0_u16..).zip(["first", "second", "rest"]);
    names.map(|(of, name)| cohort(name, size(of))).collect()
}

fn cohort(name: &str, size: u64) -> Cohort {
    Cohort {
        name: name.to_owned(),
        size,
    }
}

fn pin(name: &str) -> PluginPin {
    PluginPin {
        name: PluginName::new(name),
        component: Sha256([1; 32]),
        settings: Sha256([2; 32]),
    }
}

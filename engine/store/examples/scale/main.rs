//! A fleet of a million: says how long each step takes, in about a minute.
//!
//! `cargo run --release -p windlass-store --example scale`

#![expect(clippy::print_stdout, reason = "its figures are for people")]

mod fleet;
mod sets;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::{error::Error, fs, num::NonZeroU32, path::Path, time::Instant};

use windlass_model::{
    ChangeSet, Cohort, CohortIndex, Condition, DeviceKey, GroupField, IndexedField, PluginName,
    Relation, RolloutKey, RolloutName, Timestamp, Value,
};
use windlass_store::{Location, Store};

const DEVICES: u32 = 1_000_000;
const IN_FLIGHT: usize = 10_000;
const SETS_A_TRANSACTION: usize = 100;

/// Devices that are looked at together, as the runtime asks for them.
const PAGE: usize = 512;

/// As many events of a device as `windlass why` reads.
const EVENTS: usize = 8_192;

const NOW: Timestamp = Timestamp(2_000);

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("state.db");
    let mut store = Store::open(&Location::File(path.clone()))?;
    let devices = registry(&mut store, &path)?;
    let rollout = rollout(&mut store, &path, &devices)?;
    let ends = take_off(&mut store, rollout)?;
    drop(store);
    let mut store = restart(&path, rollout)?;
    why(&store, rollout)?;
    neighbours(&mut store, rollout, &devices)?;
    land(&mut store, rollout, &ends)?;
    histories(&store)?;
    let problems = timed("check of the whole file", || store.check())?;
    println!("problems found: {}", problems.len());
    Ok(())
}

fn timed<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = step();
    println!("{what}: {:.3} s", begun.elapsed().as_secs_f64());
    result
}

fn registry(store: &mut Store, path: &Path) -> Outcome<Vec<DeviceKey>> {
    timed("import of 1,000,000 new devices", || {
        store.import_devices((0..DEVICES).map(fleet::device), NOW)
    })?;
    timed("import of the same list again", || {
        store.replace_devices((0..DEVICES).map(fleet::device), NOW)
    })?;
    println!(
        "bytes a device: {}",
        fs::metadata(path)?.len() / u64::from(DEVICES)
    );
    let keys = timed("reading all devices, 8,192 a page", || {
        let (mut after, mut keys) = (None, Vec::new());
        loop {
            let page = store.devices(after, 8_192, &[])?;
            let Some(last) = page.last() else {
                return Ok::<_, Box<dyn Error>>(keys);
            };
            after = Some(last.key);
            keys.extend(page.iter().map(|stored| stored.key));
        }
    })?;
    let serial = [Condition {
        field: IndexedField::Attribute("serial".to_owned()),
        relation: Relation::Equals(Value::Text("SN-0000777777".to_owned())),
    }];
    let found = timed("one device by its serial number", || {
        store.devices(None, 10, &serial)
    })?;
    println!("devices found: {}", found.len());
    Ok(keys)
}

fn rollout(store: &mut Store, path: &Path, devices: &[DeviceKey]) -> Outcome<RolloutKey> {
    let before = fs::metadata(path)?.len();
    let mut plan = support::plan(store);
    plan.cohorts = vec![Cohort {
        name: "all".to_owned(),
        size: u64::from(DEVICES),
    }];
    // In an order that has nothing to do with that of the rows.
    let total = devices.len();
    let mut targets = (0..total).map(|rank| (devices[rank * 7_919 % total], CohortIndex(0)));
    let rollout = timed("creating a rollout of 1,000,000 targets", || {
        store.create_rollout(&plan, &mut targets, NOW)
    })?;
    let bytes = (fs::metadata(path)?.len().saturating_sub(before)) / u64::from(DEVICES);
    println!("bytes an assignment, with indexes: {bytes}");
    store.reserve_attempt_ids(DEVICES)?;
    Ok(rollout)
}

/// Starts as many as are in flight; returns what ends them.
fn take_off(store: &mut Store, rollout: RolloutKey) -> Outcome<Vec<ChangeSet>> {
    let rows = store.assignments(rollout, None, IN_FLIGHT)?;
    let ids = (1..).filter_map(NonZeroU32::new);
    let (starts, ends): (Vec<_>, Vec<_>) = ids
        .zip(&rows)
        .map(|(id, row)| sets::sets(rollout, row, id))
        .map(|[start, end]| (start, end))
        .unzip();
    commit("10,000 starts", store, &starts)?;
    Ok(ends)
}

fn commit(what: &str, store: &mut Store, sets: &[ChangeSet]) -> Outcome {
    let begun = Instant::now();
    for group in sets.chunks(SETS_A_TRANSACTION) {
        for answer in store.commit(&group.iter().collect::<Vec<_>>()) {
            answer?;
        }
    }
    let rate = sets.len() as f64 / begun.elapsed().as_secs_f64();
    println!("{what}, {SETS_A_TRANSACTION} sets a transaction: {rate:.0} sets/s");
    Ok(())
}

/// What stands between a start of the engine and its first decision.
fn restart(path: &Path, rollout: RolloutKey) -> Outcome<Store> {
    let begun = Instant::now();
    let store = timed("restart: opening", || {
        Store::open(&Location::File(path.to_owned()))
    })?;
    let snapshot = timed("restart: snapshot", || store.snapshot(rollout))?;
    let page = timed("restart: first page of 512 pending", || {
        store.pending(rollout, CohortIndex(0), None, PAGE)
    })?;
    println!(
        "restart with {} assignments, {} of them in flight, {} pending read: {:.3} s",
        snapshot.cohorts[0].states.total(),
        snapshot.live.len(),
        page.len(),
        begun.elapsed().as_secs_f64()
    );
    Ok(store)
}

/// What `windlass why` asks of a device that waits behind 10,000 transfers (issue 4: 50 ms).
fn why(store: &Store, rollout: RolloutKey) -> Outcome {
    let id = fleet::device(DEVICES / 2).id;
    let policy = PluginName::new("careful");
    timed("all that `why` asks of one device", || {
        let device = store.device(&id)?.ok_or("it is in the fleet")?;
        store.rollouts()?;
        store.holds(NOW)?;
        store.bounds()?;
        for row in store.assignments_of_device(device.key)? {
            store.attempts(row.id)?;
        }
        store.events_of_device(device.key, NOW, EVENTS)?;
        store.events_of_none(Some(rollout), NOW, EVENTS)?;
        store.newest_decision(rollout, &policy, NOW)?;
        store.rivals(rollout, &[device.key])?;
        store.transfers(rollout)?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    for field in [
        GroupField::Location,
        GroupField::Kind,
        GroupField::Attribute("model".to_owned()),
    ] {
        let device = store.device(&id)?.ok_or("it is in the fleet")?;
        let value = field.of(&device.device).ok_or("it has all of them")?;
        let group = timed("and if its group has a cap on transfers", || {
            store.transfers_in(rollout, &field, &value)
        })?;
        println!("transfers to {field:?} {value}: {group}");
    }
    Ok(())
}

/// What is asked of each page of devices before they start.
fn neighbours(store: &mut Store, rollout: RolloutKey, devices: &[DeviceKey]) -> Outcome {
    let mut plan = support::plan(store);
    plan.name = RolloutName::new("other");
    plan.cohorts = vec![Cohort {
        name: "all".to_owned(),
        size: devices.len() as u64,
    }];
    let mut targets = devices.iter().map(|device| (*device, CohortIndex(0)));
    store.create_rollout(&plan, &mut targets, NOW)?;
    let page: Vec<_> = devices.iter().copied().step_by(1_009).take(PAGE).collect();
    let rivals = timed("rivals of 512 devices", || store.rivals(rollout, &page))?;
    println!("rivals found: {}", rivals.len());
    let sites: Vec<_> = (0..100)
        .map(|site| (GroupField::Location, format!("site-{site}")))
        .collect();
    timed("members down of 100 sites of 1,000 devices", || {
        store.down(&sites, &[])
    })?;
    let model = (GroupField::Attribute("model".to_owned()), "M7".to_owned());
    timed("members down of a group of 20,000 devices", || {
        store.down(&[model], &[])
    })?;
    Ok(())
}

/// Ends what is in flight and cancels the rest.
fn land(store: &mut Store, rollout: RolloutKey, ends: &[ChangeSet]) -> Outcome {
    commit("10,000 ends", store, ends)?;
    let targets = timed("targets of a rollback", || store.rollback_targets(rollout))?;
    println!("targets found: {}", targets.len());
    let mut rest = ChangeSet::new(rollout);
    rest.changes.push(windlass_model::Change::CancelRemaining);
    for answer in timed("cancelling the rest", || store.commit(&[&rest])) {
        answer?;
    }
    timed("snapshot", || store.snapshot(rollout))?;
    Ok(())
}

/// What a simulation of the next rollout reads.
fn histories(store: &Store) -> Outcome {
    let events = store.last_event()?.0;
    let mut histories = timed(&format!("histories: {events} events heard"), || {
        store.histories()
    })?;
    let attempts = timed("histories: all devices, 8,192 a page", || {
        let mut attempts = 0;
        loop {
            let page = histories.next_page(8_192)?;
            if page.is_empty() {
                return Ok::<_, Box<dyn Error>>(attempts);
            }
            attempts += page.iter().map(|one| one.attempts.len()).sum::<usize>();
        }
    })?;
    println!("attempts found: {attempts}");
    Ok(())
}

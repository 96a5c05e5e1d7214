use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::json;
use windlass_model::{CohortIndex, Device, DeviceKey};
use windlass_runtime::{
    Parts,
    clock::{Clock as _, SystemClock},
    planning::{self, Selection},
};
use windlass_store::{StoreHandle, StoreThread};

use super::{Failure, devices::status, watch};
use crate::{
    args::{Output, PlanArgs},
    console,
    exit::Exit,
    render::count,
    setup::{self, Prepared},
};

/// Devices of the registry read at once.
const PAGE: usize = 4096;

pub(super) async fn plan(args: PlanArgs) -> Result<Exit, Failure> {
    let prepared = setup::prepare(&args.config, &args.overrides, &watch::Quiet).await?;
    let thread = StoreThread::start(setup::copy_of_state(&prepared.config)?)
        .context("the store cannot start")?;
    let store = thread.handle();
    let result = show(&args, &prepared, &store).await;
    drop(store);
    thread
        .shutdown()
        .await
        .context("the state could not be read")?;
    result
}

async fn show(args: &PlanArgs, prepared: &Prepared, store: &StoreHandle) -> Result<Exit, Failure> {
    let now = SystemClock::new().now().wall;
    let Prepared { config, parts, .. } = prepared;
    if let Some(file) = &config.devices {
        setup::import_fleet(store, &file.value, setup::Import::Replace, now).await?;
    }
    let selection = planning::select(store, parts, now)
        .await
        .map_err(setup::plan_diagnostic)?;
    let listing = Listing {
        args,
        parts,
        store,
        selection: &selection,
    };
    if args.output == Output::Human {
        console::line(&format!(
            "{}: {} {} to {} of {}",
            parts.name,
            parts.release.name,
            parts.release.version,
            count(selection.targets.len() as u64, "device"),
            selection.targets.len() as u64 + selection.unselected,
        ));
    }
    listing.targets().await?;
    listing.others(now).await?;
    Ok(Exit::Success)
}

struct Listing<'a> {
    args: &'a PlanArgs,
    parts: &'a Parts,
    store: &'a StoreHandle,
    selection: &'a Selection,
}

impl Listing<'_> {
    async fn targets(&self) -> Result<(), Failure> {
        for (index, cohort) in (0..).zip(&self.selection.cohorts) {
            let members = self
                .selection
                .targets
                .iter()
                .filter(|(_, of)| *of == CohortIndex(index));
            if self.args.output == Output::Human {
                console::line(&format!(
                    "\n{}: {}",
                    cohort.name,
                    count(cohort.size, "device")
                ));
            }
            for (key, _) in members.take(self.args.limit) {
                let device = self.device(*key).await?;
                match self.args.output {
                    Output::Human => console::line(&row(&device, "")),
                    Output::Json => console::line(
                        &json!({ "device": device.id, "cohort": cohort.name }).to_string(),
                    ),
                }
            }
            self.rest(cohort.size);
        }
        Ok(())
    }

    /// Devices that are no targets, each with what the filter says about it.
    async fn others(&self, now: windlass_model::Timestamp) -> Result<(), Failure> {
        let unselected = self.selection.unselected;
        if self.args.output == Output::Human && unselected > 0 {
            console::line(&format!("\nnot selected: {}", count(unselected, "device")));
        }
        let targets: BTreeMap<DeviceKey, CohortIndex> =
            self.selection.targets.iter().copied().collect();
        let mut after = None;
        let mut shown = 0;
        while shown < self.args.limit {
            let page = self
                .store
                .run(move |store| store.devices(after, PAGE, &[]))
                .await
                .context("the state could not be read")?
                .context("the devices could not be read")?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for stored in page
                .iter()
                .filter(|stored| !targets.contains_key(&stored.key))
            {
                if shown == self.args.limit {
                    break;
                }
                shown += 1;
                let why = planning::explain(self.parts, &stored.device, now)
                    .await
                    .map_err(setup::plan_diagnostic)?;
                let why = why.unwrap_or_else(|| "the filter does not match".into());
                match self.args.output {
                    Output::Human => console::line(&row(&stored.device, &why)),
                    Output::Json => {
                        console::line(
                            &json!({ "device": stored.device.id, "cohort": null, "why": why })
                                .to_string(),
                        );
                    }
                }
            }
        }
        self.rest(unselected);
        Ok(())
    }

    fn rest(&self, all: u64) {
        let more = all.saturating_sub(self.args.limit as u64);
        if more > 0 && self.args.output == Output::Human {
            console::line(&format!("  … and {more} more (--limit)"));
        }
    }

    async fn device(&self, key: DeviceKey) -> Result<Device, Failure> {
        let device = self
            .store
            .run(move |store| store.device_by_key(key))
            .await
            .context("the state could not be read")?
            .context("the device could not be read")?;
        Ok(device)
    }
}

fn row(device: &Device, why: &str) -> String {
    let version = device.version.as_deref().unwrap_or("-");
    format!(
        "  {:<24} {:<10} {:<8} {why}",
        device.id.as_str(),
        version,
        status(device.status)
    )
    .trim_end()
    .to_owned()
}

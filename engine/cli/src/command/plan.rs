use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;
use serde_json::json;
use windlass_core::Gate;
use windlass_model::{CohortIndex, Device, DeviceKey, ReleaseKey, Timestamp};
use windlass_runtime::{
    Parts,
    clock::{Clock as _, SystemClock},
    planning::{self, Selection, outlook},
};
use windlass_store::{Store, StoreHandle, StoreThread};

use super::{Failure, devices::status};
use crate::{
    args::{Output, PlanArgs},
    console,
    exit::Exit,
    render::{count, outlook_json, outlook_text, refusal_text, shadow_line},
    setup::{self, Prepared},
};

/// Devices of the registry read at once.
const PAGE: usize = 4096;

pub(super) async fn plan(args: PlanArgs) -> Result<Exit, Failure> {
    let prepared = setup::prepare(&args.config, &args.overrides, &setup::Quiet).await?;
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
        console::show_line(&format!(
            "{}: {} {} to {} of {}",
            parts.name,
            parts.release.name,
            parts.release.version,
            count(selection.targets.len() as u64, "device"),
            selection.targets.len() as u64 + selection.unselected,
        ))?;
    }
    if args.output == Output::Human {
        for shadow in &parts.shadows {
            console::show_line(&shadow_line(&shadow.pin.name))?;
        }
    }
    listing.targets(now).await?;
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
    /// The members of each cohort, each with what would become of it now if its cohort were
    /// open.
    async fn targets(&self, now: Timestamp) -> Result<(), Failure> {
        let mut judged = self.judged(now).await?.into_iter().peekable();
        for (index, cohort) in (0..).map(CohortIndex).zip(&self.selection.cohorts) {
            if self.args.output == Output::Human {
                console::show_line(&format!(
                    "\n{}: {}",
                    cohort.name,
                    count(cohort.size, "device")
                ))?;
            }
            while let Some((_, device, gate)) = judged.next_if(|(of, ..)| *of == index) {
                match self.args.output {
                    Output::Human => {
                        console::show_line(&row(&device, &outlook_text(&gate, index)))?
                    }
                    Output::Json => console::show_line(
                        &json!({
                            "device": device.id,
                            "cohort": cohort.name,
                            "outlook": outlook_json(&gate),
                        })
                        .to_string(),
                    )?,
                }
            }
            self.rest(cohort.size)?;
        }
        Ok(())
    }

    /// The listed members of every cohort, cohort by cohort.
    async fn judged(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(CohortIndex, Arc<Device>, Gate)>, Failure> {
        let mut listed = Vec::new();
        for index in (0..).map(CohortIndex).take(self.selection.cohorts.len()) {
            let members = self.selection.targets.iter();
            let members = members.filter(|(_, of)| *of == index);
            listed.extend(members.take(self.args.limit).copied());
        }
        let (parts, release) = (self.parts, self.parts.release.clone());
        let plan = planning::plan(parts, ReleaseKey(0), self.selection);
        let (rows, around) = self
            .read(move |store| outlook::prospects(store, plan, &release, &listed, now))
            .await?;
        let devices: Vec<_> = rows.iter().map(|(_, device)| Arc::clone(device)).collect();
        let gates = outlook::judge(parts, &rows, &devices, &around, now)
            .await
            .map_err(|error| setup::plan_diagnostic(error.into()))?;
        let cohorts = rows.iter().map(|(row, _)| row.cohort);
        let judged = cohorts.zip(devices).zip(gates);
        Ok(judged
            .map(|((cohort, device), gate)| (cohort, device, gate))
            .collect())
    }

    async fn read<T, E>(
        &self,
        operation: impl FnOnce(&mut Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        Ok(self
            .store
            .run(operation)
            .await
            .context("the state could not be read")?
            .context("the devices could not be read")?)
    }

    /// Devices that are no targets, each with what the filter says about it.
    async fn others(&self, now: Timestamp) -> Result<(), Failure> {
        let unselected = self.selection.unselected;
        if self.args.output == Output::Human && unselected > 0 {
            console::show_line(&format!("\nnot selected: {}", count(unselected, "device")))?;
        }
        let targets: BTreeMap<DeviceKey, CohortIndex> =
            self.selection.targets.iter().copied().collect();
        let mut after = None;
        let mut shown = 0;
        while shown < self.args.limit {
            let page = self
                .read(move |store| store.devices(after, PAGE, &[]))
                .await?;
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
                let expression = self.parts.filter.as_ref();
                let expression = expression.and_then(|filter| filter.expression.as_deref());
                let why = refusal_text(expression, &why)
                    .unwrap_or_else(|| "the filter does not match".into());
                match self.args.output {
                    Output::Human => console::show_line(&row(&stored.device, &why))?,
                    Output::Json => {
                        console::show_line(
                            &json!({ "device": stored.device.id, "cohort": null, "why": why })
                                .to_string(),
                        )?;
                    }
                }
            }
        }
        self.rest(unselected)
    }

    fn rest(&self, all: u64) -> Result<(), Failure> {
        let more = all.saturating_sub(self.args.limit as u64);
        if more > 0 && self.args.output == Output::Human {
            console::show_line(&format!("  … and {more} more (--limit)"))?;
        }
        Ok(())
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

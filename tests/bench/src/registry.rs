//! The registry: import, filter, and a filter that an index helps.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use windlass_host::{Filter, Host, HostConfig, Limits};
use windlass_model::{Device, PluginName, Timestamp};
use windlass_store::{Location, Store};

use crate::{
    devices::Addressing,
    load::{self, ONE_IN_A_HUNDRED},
    process,
    report::{Bound, Rounds, Row},
    settings::Settings,
};

const DEVICES: u64 = 1_000_000;
/// Read and judged at once, as the engine does it.
const PAGE: usize = 8192;
/// Reads two fields of every device, and selects one in seven hundred.
const EXPRESSION: &str =
    "device.kind == 'kind-3' && device.location != 'site-5' && 'ring-7' in device.tags";

/// The rows.
pub(crate) async fn rows(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let count = settings.scaled(DEVICES);
    let list = folder.path().join("devices.ndjson");
    let state = folder.path().join("state.db");
    fs::write(&list, lines(count)?)?;
    let (took, _) = process::run_windlass(
        folder.path(),
        &["devices", "import", "devices.ndjson", "--state", "state.db"],
    )?;
    print(Row {
        what: format!("import of {count} devices, NDJSON, `windlass devices import`"),
        measured: format!("{:.1} s", took.as_secs_f64()),
        bound: Bound::at_most(took.as_secs_f64(), 20.0, " s"),
    });

    let host = Host::start(HostConfig {
        concurrency: std::num::NonZeroUsize::MIN,
        cache_dir: None,
        limits: Limits::default(),
    })?;
    let component = windlass_builtin::builtin("filter-cel").context("it is built in")?;
    let plugin = host
        .load(PluginName::new("cel"), Bytes::from_static(component))
        .await?;
    let open = async |text| {
        let settings = serde_json::json!({});
        anyhow::Ok(plugin.filter(Some(text), &settings).await?)
    };
    let filter = open(EXPRESSION).await?;
    let devices: Vec<_> = (0..count)
        .map(|index| load::device(index, Addressing::Each, 80))
        .collect();
    let mut judged = Rounds::default();
    for _ in 0..settings.rounds {
        let begun = Instant::now();
        let mut selected = 0;
        for page in devices.chunks(PAGE) {
            let matches = filter.matches(Timestamp(0), page).await?;
            selected += matches.iter().filter(|matches| **matches).count();
        }
        judged.push(begun.elapsed().as_secs_f64());
        ensure!(selected > 0 || count < 1000, "nothing was selected");
    }
    drop(devices);
    print(Row {
        what: format!("CEL filter over {count} devices in memory"),
        measured: format!("{judged} s"),
        bound: Bound::at_most(judged.median(), 1.5, " s"),
    });

    let store = Store::open(&Location::File(state))?;
    let (took, _) = from_store(&store, &filter, false).await?;
    print(Row {
        what: format!("the same, read from the state file by {PAGE}"),
        measured: format!("{:.2} s", took.as_secs_f64()),
        bound: Bound::Reported,
    });
    let narrow = open(ONE_IN_A_HUNDRED).await?;
    let mut narrowed = Rounds::default();
    for _ in 0..settings.rounds {
        let (took, selected) = from_store(&store, &narrow, true).await?;
        ensure!(selected == count / 100, "{selected} were selected");
        narrowed.push(took.as_secs_f64());
    }
    print(Row {
        what: format!(
            "CEL filter with `narrow()`, {} of {count} read and selected",
            count / 100
        ),
        measured: format!("{narrowed} s"),
        bound: Bound::at_most(narrowed.median(), 0.1, " s"),
    });
    Ok(())
}

/// Reads and judges as the engine does; how long it took, and how many it selected.
async fn from_store(store: &Store, filter: &Filter, narrow: bool) -> Result<(Duration, u64)> {
    let narrow = if narrow { filter.narrow() } else { &[] };
    let begun = Instant::now();
    let (mut after, mut selected) = (None, 0);
    loop {
        let page = store.devices(after, PAGE, narrow)?;
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        let devices: Vec<Device> = page.into_iter().map(|stored| stored.device).collect();
        let matches = filter.matches(Timestamp(0), &devices).await?;
        selected += matches.into_iter().filter(|matches| *matches).count() as u64;
    }
    Ok((begun.elapsed(), selected))
}

fn lines(count: u64) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for index in 0..count {
        let device = load::device(index, Addressing::Each, 80);
        let line = serde_json::json!({
            "id": device.id,
            "name": device.name,
            "address": device.address,
            "kind": device.kind,
            "version": device.version,
            "status": "online",
            "location": device.location,
            "tags": device.tags,
        });
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(text)
}

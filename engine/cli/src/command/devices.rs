use anyhow::Context as _;
use serde_json::json;
use windlass_host::Host;
use windlass_model::{Connectivity, Device, Value};
use windlass_runtime::clock::{Clock as _, SystemClock};
use windlass_store::Store;

use super::{
    Failure,
    chore::{self, Outcome},
};
use crate::{
    args::{DevicesImportArgs, DevicesListArgs, Output},
    console,
    control::{Chore, Done},
    devices::read_devices,
    exit::Exit,
    render::{count, done_json, done_text, time},
    setup,
};

/// Devices read and printed at once.
const PAGE: usize = 4096;

pub(super) async fn import(args: DevicesImportArgs) -> Result<Exit, Failure> {
    // Once to see that all of it is right, so that a bad file does not even make a state file.
    read_devices(&args.file, &mut |_| {})?;
    let file = std::path::absolute(&args.file).context("the current directory cannot be told")?;
    let report = match chore::carry_out(&args.state, &args.who, Chore::Import { file }).await? {
        Outcome::Done(Done::Imported(report)) => report,
        Outcome::Done(_) => {
            return Err(anyhow::anyhow!("the owner did something else").into());
        }
        Outcome::Refused(text) => {
            console::error(&text);
            return Ok(Exit::BadInput);
        }
    };
    let done = Done::Imported(report);
    match args.who.output {
        Output::Human => {
            let shown = args.file.display();
            console::line(&format!("{shown}: {}", done_text(&done)));
        }
        Output::Json => console::line(&done_json(&done).to_string()),
    }
    Ok(Exit::Success)
}

pub(super) async fn list(args: DevicesListArgs) -> Result<Exit, Failure> {
    let store = Store::open_read_only(&setup::state_file(&args.state)?)
        .map_err(|error| setup::open_diagnostic(&error))?;
    let filter = match &args.filter {
        Some(expression) => Some(open_filter(expression).await?),
        None => None,
    };
    let now = SystemClock::new().now().wall;
    let mut after = None;
    let mut shown = 0;
    loop {
        let page = store
            .devices(after, PAGE, &[])
            .context("the devices could not be read")?;
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        let devices: Vec<_> = page.into_iter().map(|stored| stored.device).collect();
        let matches = match &filter {
            Some((_, filter)) => filter
                .matches(now, &devices)
                .await
                .context("the filter failed")?,
            None => vec![true; devices.len()],
        };
        for (device, _) in devices.iter().zip(matches).filter(|(_, matches)| *matches) {
            shown += 1;
            match args.output {
                Output::Human => console::show_line(&row(device))?,
                Output::Json => console::show_line(&as_json(device).to_string())?,
            }
        }
    }
    if args.output == Output::Human {
        console::show_line(&count(shown, "device"))?;
    }
    Ok(Exit::Success)
}

async fn open_filter(expression: &str) -> Result<(Host, windlass_host::Filter), Failure> {
    let host = setup::plain_host()?;
    let filter = setup::open_filter(&host, expression).await?;
    Ok((host, filter))
}

fn row(device: &Device) -> String {
    format!(
        "{:<24} {:<8} {:<12} {:<16} {}",
        device.id.as_str(),
        status(device.status),
        device.version.as_deref().unwrap_or("-"),
        device.location.as_deref().unwrap_or("-"),
        device.address,
    )
}

pub(super) fn status(status: Connectivity) -> &'static str {
    match status {
        Connectivity::Online => "online",
        Connectivity::Offline => "offline",
        Connectivity::Unknown => "unknown",
    }
}

/// In the form that `devices import` reads.
fn as_json(device: &Device) -> serde_json::Value {
    let attributes: serde_json::Map<_, _> = device
        .attributes
        .iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect();
    json!({
        "id": device.id,
        "name": device.name,
        "address": device.address,
        "status": status(device.status),
        "firmware_version": device.version,
        "kind": device.kind,
        "location": device.location,
        "timezone": device.timezone,
        "tags": device.tags,
        "metadata": attributes,
        "last_seen": device.last_seen.map(time),
    })
}

fn attribute(value: &Value) -> serde_json::Value {
    match value {
        Value::Boolean(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Real(value) => json!(value),
        Value::Text(value) => json!(value),
        Value::Json(text) => serde_json::from_str(&text.json).unwrap_or_else(|_| json!(text.json)),
    }
}

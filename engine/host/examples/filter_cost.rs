//! What a device costs a sandboxed filter, by the fields that it reads (design §4, "rows or
//! columns"):
//!
//! ```text
//! cargo run --release -p windlass-host --example filter_cost
//! ```
#![expect(clippy::print_stdout, reason = "its numbers are what it is for")]

use std::{collections::BTreeMap, error::Error, num::NonZeroUsize, time::Instant};

use bytes::Bytes;
use windlass_host::{Filter, Host, HostConfig, Limits};
use windlass_model::{Connectivity, Device, DeviceId, PluginName, Timestamp, Value};

const DEVICES: usize = 100_000;
const RUNS: usize = 5;

/// From no field at all to every attribute.
const EXPRESSIONS: [&str; 4] = [
    "true",
    "device.kind == 'gateway'",
    "device.name != '' && device.kind == 'gateway' && 'blue' in device.tags && device.location != ''",
    "device.attributes.exists(a, a == 'x')",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = Host::start(HostConfig {
        concurrency: NonZeroUsize::MIN,
        cache_dir: None,
        limits: Limits::default(),
    })?;
    let component = windlass_builtin::builtin("filter-cel").ok_or("it is built in")?;
    let plugin = host
        .load(PluginName::new("cel"), Bytes::from_static(component))
        .await?;
    let devices: Vec<_> = (0..DEVICES).map(device).collect();
    for expression in EXPRESSIONS {
        match plugin
            .filter(Some(expression), &serde_json::json!({}))
            .await
        {
            Ok(filter) => {
                let cost = cost(&filter, &devices).await?;
                println!("{cost:6.2} µs a device   {expression}");
            }
            Err(error) => println!("      -               {expression}: {error}"),
        }
    }
    Ok(())
}

/// Microseconds a device, best of some runs over the fleet.
async fn cost(filter: &Filter, devices: &[Device]) -> Result<f64, Box<dyn Error>> {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let begun = Instant::now();
        filter.matches(Timestamp(0), devices).await?;
        best = best.min(begun.elapsed().as_secs_f64());
    }
    Ok(best * 1e6 / devices.len() as f64)
}

fn device(index: usize) -> Device {
    Device {
        id: DeviceId::new(format!("device-{index:06}")),
        name: format!("Device {index}"),
        address: "https://10.0.0.1:8443".to_owned(),
        kind: Some("gateway".to_owned()),
        version: Some("1.0.0".to_owned()),
        status: Connectivity::Online,
        location: Some("hall 1".to_owned()),
        timezone: Some("Europe/Berlin".to_owned()),
        tags: vec!["blue".to_owned()],
        attributes: attributes(index),
        last_seen: Some(Timestamp(1_700_000_000_000)),
    }
}

fn attributes(index: usize) -> BTreeMap<String, Value> {
    (0..8)
        .map(|number| {
            let value = if number % 2 == 0 {
                Value::Text(format!("value {index}"))
            } else {
                Value::Integer(number)
            };
            (format!("attribute-{number}"), value)
        })
        .collect()
}

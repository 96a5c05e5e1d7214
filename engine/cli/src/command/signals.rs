use std::sync::Arc;

use anyhow::Context as _;
use futures_util::future::join_all;
use serde_json::json;
use windlass_model::SignalSample;
use windlass_runtime::{
    clock::{Clock as _, SystemClock},
    signals::{Poller, SignalSource},
};
use windlass_store::Store;

use super::Failure;
use crate::{
    args::{Output, SignalsArgs},
    config::{Config, StateLocation},
    console,
    diagnostic::Diagnostic,
    exit::Exit,
    owner::rollout_meant,
    render::{duration, time},
    setup,
};

pub(super) async fn signals(args: SignalsArgs) -> Result<Exit, Failure> {
    let (config, warnings) = setup::read_config(&args.config, &args.overrides)?;
    for warning in warnings.iter() {
        warning.emit();
    }
    if args.recorded {
        show(&recorded(&config)?, args.output, |sample| time(sample.at))?;
        return Ok(Exit::Success);
    }
    if config.signals.is_empty() && args.output == Output::Human {
        console::show_line("no signal is configured")?;
    }
    let clock = SystemClock::new();
    let sections = config.signals.values();
    let polls = sections.map(|section| poll(&section.source, clock));
    let samples = join_all(polls).await;
    let now = clock.now().wall;
    show(&samples, args.output, |sample| {
        format!("{} ago", duration(now.since(sample.at)))
    })?;
    let well = samples
        .iter()
        .all(|sample| sample.reading.value().is_some());
    Ok(if well { Exit::Success } else { Exit::BadInput })
}

async fn poll(source: &Arc<SignalSource>, clock: SystemClock) -> SignalSample {
    Poller::new(Arc::clone(source)).poll(&clock).await
}

fn recorded(config: &Config) -> Result<Vec<SignalSample>, Failure> {
    let StateLocation::File(file) = &config.engine.state else {
        let problem = "the configuration keeps its state in memory: there is none to read";
        return Err(Diagnostic::error(problem).into());
    };
    let store = Store::open_read_only(file).map_err(|error| setup::open_diagnostic(&error))?;
    let rollout = rollout_meant(&store, Some(&config.rollout.name.value))?;
    let samples = store.signals(rollout.key);
    Ok(samples.context("the signals could not be read")?)
}

fn show(
    samples: &[SignalSample],
    output: Output,
    when: impl Fn(&SignalSample) -> String,
) -> Result<(), Failure> {
    let widths = samples.iter().map(|sample| sample.name.as_str().len());
    let width = widths.max().unwrap_or_default();
    for sample in samples {
        console::show_line(&match output {
            Output::Human => text(sample, width, &when(sample)),
            Output::Json => json(sample),
        })?;
    }
    Ok(())
}

fn text(sample: &SignalSample, width: usize, when: &str) -> String {
    let said = match sample.reading.value() {
        Some(value) => value.to_string(),
        None => sample.reading.message().unwrap_or_default().to_owned(),
    };
    let (name, status) = (sample.name.as_str(), sample.reading.status().as_str());
    format!("{name:width$}  {status:<12}  {when}  {said}")
}

fn json(sample: &SignalSample) -> String {
    json!({
        "signal": sample.name,
        "status": sample.reading.status(),
        "value": sample.reading.value(),
        "message": sample.reading.message(),
        "observed_at": time(sample.at),
    })
    .to_string()
}

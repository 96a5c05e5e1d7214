//! Pushes: through the sandbox and through the whole engine, against the same requests by
//! plain hyper. Ways take turns within each round, so that noise hits all alike; figures are
//! ratios within a round.

pub(crate) mod native;
pub(crate) mod sandbox;

use std::time::Duration;

use anyhow::Result;

use crate::{
    devices::{Addressing, Devices},
    engine::{Course, Fleet},
    load::Payload,
    report::{Bound, Rounds, Row, thousands},
    settings::Settings,
};
use sandbox::Sandbox;

/// Requests at once.
pub(crate) const AT_ONCE: usize = 100;

/// A payload size with what it is measured by.
struct Size {
    words: &'static str,
    bytes: usize,
    /// Pushes of one measurement, at one address and at an address per device.
    pushes: [u64; 2],
    at_least: f64,
}

const SIZES: [Size; 3] = [
    Size {
        words: "1 KiB",
        bytes: 1 << 10,
        pushes: [60_000, 20_000],
        at_least: 0.75,
    },
    Size {
        words: "1 MiB",
        bytes: 1 << 20,
        pushes: [3_000, 3_000],
        at_least: 0.97,
    },
    Size {
        words: "64 MiB",
        bytes: 64 << 20,
        pushes: [100, 100],
        at_least: 0.97,
    },
];

/// Fresh instances are made for a part of the pushes only: they take longer.
const FRESH_SHARE: u64 = 4;

/// Devices of the whole engine's fleet.
const FLEET: u64 = 100_000;

/// A number of pushes.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    /// How many.
    pub(crate) pushes: u64,
    /// How many of them at once.
    pub(crate) at_once: usize,
    /// Where to.
    pub(crate) addressing: Addressing,
    /// At which port.
    pub(crate) port: u16,
    /// Of what.
    pub(crate) payload: &'a Payload,
}

impl Work<'_> {
    /// Pushes a second.
    pub(crate) fn rate(&self, took: Duration) -> f64 {
        self.pushes as f64 / took.as_secs_f64()
    }
}

/// The rows of deliveries through the sandbox.
pub(crate) async fn deliveries(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut devices = Devices::start().await?;
    let reused = Sandbox::start(sandbox::Instances::Reused, AT_ONCE, None).await?;
    let fresh = Sandbox::start(sandbox::Instances::Fresh, AT_ONCE, None).await?;
    for size in &SIZES {
        let payload = Payload::make(folder.path(), size.bytes)?;
        for (addressing, pushes) in Addressing::ALL.into_iter().zip(size.pushes) {
            let work = Work {
                pushes: settings.scaled(pushes),
                at_once: AT_ONCE,
                addressing,
                port: devices.port,
                payload: &payload,
            };
            let fewer = Work {
                pushes: (work.pushes / FRESH_SHARE).max(AT_ONCE as u64),
                ..work
            };
            checked(&mut devices, &reused, &work).await?;
            let mut figures = [Rounds::default(), Rounds::default()];
            let mut rates = [Rounds::default(), Rounds::default(), Rounds::default()];
            for round in 0..settings.rounds {
                let before = devices.counts().await?;
                let mut took = [Duration::ZERO; 2];
                // In turns, so that neither always comes first.
                for way in [round % 2, (round + 1) % 2] {
                    took[way] = match way {
                        0 => native::push(&work).await?,
                        _ => reused.push(&work).await?,
                    };
                }
                let fresh = fresh.push(&fewer).await?;
                devices
                    .expect(before, 2 * work.pushes + fewer.pushes)
                    .await?;
                let [plain, sandboxed, fresh] =
                    [work.rate(took[0]), work.rate(took[1]), fewer.rate(fresh)];
                figures[0].push(sandboxed / plain);
                figures[1].push(fresh / plain);
                for (rates, rate) in rates.iter_mut().zip([plain, sandboxed, fresh]) {
                    rates.push(rate);
                }
            }
            let [plain, sandboxed, new] = rates.map(|rates| thousands(rates.median()));
            let what = |how| {
                format!(
                    "{} by {how} ÷ plain hyper, {}",
                    size.words,
                    addressing.words()
                )
            };
            print(Row {
                what: what("a kept instance"),
                measured: format!("{}; {sandboxed} of {plain}", figures[0]),
                bound: Bound::at_least(figures[0].median(), size.at_least, ""),
            });
            print(Row {
                what: what("a fresh instance"),
                measured: format!("{}; {new} of {plain}", figures[1]),
                bound: Bound::Reported,
            });
        }
    }
    Ok(())
}

/// A few pushes whose digests the devices compare: what is fast is to be right.
async fn checked(devices: &mut Devices, sandbox: &Sandbox, work: &Work<'_>) -> Result<()> {
    let few = Work {
        pushes: 10,
        at_once: 10,
        ..*work
    };
    let before = devices.check_digests(true).await?;
    native::push(&few).await?;
    sandbox.push(&few).await?;
    devices.expect(before, 2 * few.pushes).await?;
    devices.check_digests(false).await?;
    Ok(())
}

/// The rows of the whole engine.
pub(crate) async fn whole_engine(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let payload = Payload::make(folder.path(), 1 << 10)?;
    let mut devices = Devices::start().await?;
    for addressing in Addressing::ALL {
        let work = Work {
            pushes: settings.scaled(FLEET),
            at_once: AT_ONCE,
            addressing,
            port: devices.port,
            payload: &payload,
        };
        let (mut figure, mut plain_rates, mut rates) =
            (Rounds::default(), Rounds::default(), Rounds::default());
        for round in 0..settings.rounds {
            let state = tempfile::tempdir()?;
            let fleet =
                Fleet::prepare(&state.path().join("state.db"), &work, Course::GATED).await?;
            let before = devices.counts().await?;
            let (plain, engine);
            if round % 2 == 0 {
                plain = native::push(&work).await?;
                engine = fleet.roll_out().await?;
            } else {
                engine = fleet.roll_out().await?;
                plain = native::push(&work).await?;
            }
            devices.expect(before, 2 * work.pushes).await?;
            let [plain, engine] = [work.rate(plain), work.rate(engine)];
            figure.push(engine / plain);
            plain_rates.push(plain);
            rates.push(engine);
        }
        print(Row {
            what: format!(
                "whole engine, {} devices × 1 KiB, ÷ plain hyper, {}",
                work.pushes,
                addressing.words()
            ),
            measured: format!(
                "{figure}; {} of {}",
                thousands(rates.median()),
                thousands(plain_rates.median())
            ),
            bound: Bound::at_least(figure.median(), 0.45, ""),
        });
    }
    Ok(())
}

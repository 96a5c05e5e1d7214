//! Pushes: through the sandbox and through the whole engine, against the same requests by
//! plain hyper. Ways take turns within each round, so that noise hits all alike; figures are
//! ratios within a round, of rates and of CPU time. The rates of a machine that others use
//! tell little. CPU time, of sender and devices together, tells what the rates are when both
//! have all cores to themselves, so the promise is judged by it.

pub(crate) mod native;
pub(crate) mod sandbox;

use std::time::Duration;

use anyhow::Result;

use crate::{
    devices::{Addressing, Cost, Devices},
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
            let mut reused_figure = Figure::default();
            let mut fresh_figure = Figure::default();
            for round in 0..settings.rounds {
                let before = devices.counts().await?;
                let mut costs = [Cost::default(); 2];
                // In turns, so that neither always comes first.
                for way in [round % 2, (round + 1) % 2] {
                    costs[way] = match way {
                        0 => devices.cost(native::push(&work)).await?,
                        _ => devices.cost(reused.plan(&work).make()).await?,
                    };
                }
                let fresh = devices.cost(fresh.plan(&fewer).make()).await?;
                devices
                    .expect(before, 2 * work.pushes + fewer.pushes)
                    .await?;
                let [plain, sandboxed] = costs.map(|cost| Each::of(cost, work.pushes));
                reused_figure.push(sandboxed, plain);
                fresh_figure.push(Each::of(fresh, fewer.pushes), plain);
            }
            let what = |how| {
                format!(
                    "{} by {how} ÷ plain hyper, {}",
                    size.words,
                    addressing.words()
                )
            };
            print(reused_figure.row(what("a kept instance"), Some(size.at_least)));
            print(fresh_figure.row(what("a fresh instance"), None));
        }
    }
    Ok(())
}

/// What one push costs.
#[derive(Clone, Copy)]
struct Each {
    rate: f64,
    /// Microseconds.
    cpu: f64,
}

impl Each {
    fn of(cost: Cost, pushes: u64) -> Self {
        Self {
            rate: pushes as f64 / cost.took.as_secs_f64(),
            cpu: cost.cpu.as_secs_f64() * 1e6 / pushes as f64,
        }
    }
}

/// A way to push against plain hyper, over some rounds.
#[derive(Default)]
struct Figure {
    by_rate: Rounds,
    by_cpu: Rounds,
    rates: [Rounds; 2],
    cpu: [Rounds; 2],
}

impl Figure {
    fn push(&mut self, way: Each, plain: Each) {
        self.by_rate.push(way.rate / plain.rate);
        self.by_cpu.push(plain.cpu / way.cpu);
        for (place, each) in [way, plain].into_iter().enumerate() {
            self.rates[place].push(each.rate);
            self.cpu[place].push(each.cpu);
        }
    }

    fn row(&self, what: String, at_least: Option<f64>) -> Row {
        let figure = self.by_cpu.median();
        Row {
            what,
            measured: format!(
                "**{}** by CPU time, {:.1} µs against {:.1} µs; {} by rate, {} against {}",
                self.by_cpu,
                self.cpu[0].median(),
                self.cpu[1].median(),
                self.by_rate,
                thousands(self.rates[0].median()),
                thousands(self.rates[1].median()),
            ),
            bound: match at_least {
                Some(least) => Bound::at_least(figure, least, ""),
                None => Bound::Reported,
            },
        }
    }
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
    sandbox.plan(&few).make().await?;
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
        let mut figure = Figure::default();
        for round in 0..settings.rounds {
            let state = tempfile::tempdir()?;
            let file = state.path().join("state.db");
            let fleet = Fleet::prepare(&file, &work, Course::GATED).await?;
            let before = devices.counts().await?;
            let (plain, engine);
            if round % 2 == 0 {
                plain = devices.cost(native::push(&work)).await?;
                engine = devices.cost(fleet.roll_out()).await?;
            } else {
                engine = devices.cost(fleet.roll_out()).await?;
                plain = devices.cost(native::push(&work)).await?;
            }
            devices.expect(before, 2 * work.pushes).await?;
            figure.push(Each::of(engine, work.pushes), Each::of(plain, work.pushes));
        }
        let what = format!(
            "whole engine, {} devices × 1 KiB, ÷ plain hyper, {}",
            work.pushes,
            addressing.words()
        );
        print(figure.row(what, Some(0.45)));
    }
    Ok(())
}

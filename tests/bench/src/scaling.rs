//! Whether a larger fleet costs more a device. As with pushes, CPU time of both ends judges: rates
//! of a machine that others use tell little.

use anyhow::Result;

use crate::{
    devices::{Addressing, Devices},
    engine::{Course, Fleet},
    load::Payload,
    push::{AT_ONCE, Work},
    report::{Bound, Rounds, Row, thousands},
    settings::Settings,
};

const FLEETS: [u64; 3] = [10_000, 100_000, 1_000_000];
/// A million takes a minute or two a round, and averages by itself.
const MOST_ROUNDS: usize = 3;

/// The rows.
pub(crate) async fn rows(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let payload = Payload::make(folder.path(), 1 << 10)?;
    let mut devices = Devices::start().await?;
    let mut rates = FLEETS.map(|_| Rounds::default());
    let mut cpus = FLEETS.map(|_| Rounds::default());
    let mut flat = Rounds::default();
    let mut flat_by_rate = Rounds::default();
    for _ in 0..settings.rounds.min(MOST_ROUNDS) {
        let mut by_rate = [0.0; FLEETS.len()];
        let mut by_cpu = [0.0; FLEETS.len()];
        for (place, fleet) in FLEETS.into_iter().enumerate() {
            let work = Work {
                pushes: settings.scaled(fleet),
                at_once: AT_ONCE,
                addressing: Addressing::One,
                port: devices.port,
                payload: &payload,
            };
            let state = tempfile::tempdir()?;
            let file = state.path().join("state.db");
            let fleet = Fleet::prepare(&file, &work, Course::GATED).await?;
            let before = devices.counts().await?;
            let cost = devices.cost(fleet.roll_out()).await?;
            devices.expect(before, work.pushes).await?;
            by_rate[place] = work.rate(cost.took);
            by_cpu[place] = cost.cpu.as_secs_f64() * 1e6 / work.pushes as f64;
            rates[place].push(by_rate[place]);
            cpus[place].push(by_cpu[place]);
        }
        flat.push(by_cpu[1] / by_cpu[2]);
        flat_by_rate.push(by_rate[2] / by_rate[1]);
    }
    for ((fleet, rates), cpu) in FLEETS.into_iter().zip(&rates).zip(&cpus) {
        print(Row {
            what: format!("devices a second, fleet of {}", settings.scaled(fleet)),
            measured: format!(
                "{} ({}–{}), {:.0} µs of CPU time each",
                thousands(rates.median()),
                thousands(rates.min()),
                thousands(rates.max()),
                cpu.median(),
            ),
            bound: Bound::Reported,
        });
    }
    print(Row {
        what: "the largest fleet against one a tenth of its size".to_owned(),
        measured: format!("**{flat}** by CPU time, {flat_by_rate} by rate"),
        bound: Bound::Promised {
            text: "0.9 to 1.1".to_owned(),
            // A larger fleet that is faster breaks no promise.
            met: flat.median() >= 0.9,
        },
    });
    Ok(())
}

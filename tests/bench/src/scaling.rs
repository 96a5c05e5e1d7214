//! Whether a larger fleet costs more a device.

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
    let mut flat = Rounds::default();
    for _ in 0..settings.rounds.min(MOST_ROUNDS) {
        let mut round = [0.0; FLEETS.len()];
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
            round[place] = work.rate(fleet.roll_out().await?);
            devices.expect(before, work.pushes).await?;
            rates[place].push(round[place]);
        }
        flat.push(round[2] / round[1]);
    }
    for (fleet, rates) in FLEETS.into_iter().zip(&rates) {
        print(Row {
            what: format!("devices a second, fleet of {}", settings.scaled(fleet)),
            measured: format!(
                "{} ({}–{})",
                thousands(rates.median()),
                thousands(rates.min()),
                thousands(rates.max())
            ),
            bound: Bound::Reported,
        });
    }
    print(Row {
        what: "rate of the largest fleet ÷ rate of one a tenth of its size".to_owned(),
        measured: flat.to_string(),
        bound: Bound::Promised {
            text: "0.9 to 1.1".to_owned(),
            // A larger fleet that is faster breaks no promise.
            met: flat.median() >= 0.9,
        },
    });
    Ok(())
}

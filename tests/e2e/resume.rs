//! An interrupted transfer goes on where it stopped (GO-69, GO-175), where the operator says
//! that the devices can.

use std::{num::NonZeroU64, time::Duration};

use windlass_model::RolloutKey;
use windlass_sim::{Behaviour, Fault, FleetSpec, PushEnd, When};
use windlass_store::Store;

use crate::{
    support::{Bench, Config},
    terminal::{RUN, Terminal},
    verdict::everyone_once,
};

const PLUGIN: &str = r#"
[plugins.resumes]
component = "builtin:delivery-http"
settings = { allow_plain_http = true, resume = true }
"#;

fn bench(default: Behaviour, bytes: usize) -> Bench {
    let spec = FleetSpec {
        count: 3,
        default,
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, bytes);
    bench.configure(&Config {
        plugins: PLUGIN,
        rollout: "delivery = \"resumes\"\nsettle = { grace = \"3s\" }",
        ..Config::default()
    });
    bench
}

/// A connection that breaks in the middle costs no byte twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_was_cut_sends_only_the_rest() {
    const BYTES: usize = 300_000;
    let cut = Fault::Cut { after: 100_000 };
    let bench = bench(Behaviour::failing(cut, When::First(1)), BYTES);
    let run = Terminal::open(&bench, &RUN).end().await;
    for device in bench.fleet.report().devices {
        assert_eq!(device.bytes, BYTES as u64, "{device:#?}");
        assert_eq!(device.pushes.len(), 2, "{device:#?}");
        assert_eq!(device.pushes[0].end, PushEnd::Cut);
        assert!(device.pushes[1].offset > 0, "{device:#?}");
        assert_ne!(device.pushes[0].attempt, device.pushes[1].attempt);
    }
    everyone_once(bench, &run, 3).await;
}

/// Nor does an engine that is killed: where the transfer stands is on disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_outlives_the_engine() {
    const BYTES: usize = 1_200_000;
    let slow = Behaviour {
        bandwidth: NonZeroU64::new(256 << 10),
        ..Behaviour::default()
    };
    let bench = bench(slow, BYTES);
    let first = Terminal::open(&bench, &RUN);
    bench.fleet.until(|counts| counts.begun == 3).await;
    while !all_kept(&bench) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.signal("-KILL");
    assert_eq!(first.end().await.code, None);
    assert_eq!(bench.fleet.counts().completed, 0, "it was in the middle");
    let run = Terminal::open(&bench, &RUN).end().await;
    for device in bench.fleet.report().devices {
        assert_eq!(device.bytes, BYTES as u64, "{device:#?}");
        let last = device.pushes.last().expect("it was pushed to");
        assert!(last.offset > 0, "{device:#?}");
    }
    everyone_once(bench, &run, 3).await;
}

/// Whether the state file has a checkpoint of each device.
fn all_kept(bench: &Bench) -> bool {
    let store = Store::open_read_only(&bench.path("state/windlass.db")).expect("it opens");
    let snapshot = store.snapshot(RolloutKey(1)).expect("it can be read");
    snapshot.live.iter().all(|row| {
        let kept = store.checkpoint(row.id);
        kept.expect("it can be read").is_some()
    })
}

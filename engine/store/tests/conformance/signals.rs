use windlass_model::{Change, Reading, SignalName, SignalSample, Timestamp};

use crate::fixture::Fixture;

fn sample(name: &str, at: u64, reading: Reading) -> SignalSample {
    SignalSample {
        name: SignalName::new(name),
        at: Timestamp(at),
        reading,
        fresh_until: Timestamp(at + 90_000),
    }
}

pub(crate) fn signals_come_back_and_the_newest_is_in_the_snapshot(f: &mut Fixture) {
    let devices = f.fleet(1);
    let (rollout, other) = (f.rollout("r", &devices, 1), f.rollout("s", &devices, 1));
    let text = || "a text".to_owned();
    let all = [
        // Read back one unit in the last place off by a quicker parser.
        sample("errors", 1_000, Reading::Value(122.416_294_033_786_58)),
        sample("errors", 2_000, Reading::Missing(text())),
        sample("errors", 3_000, Reading::Stale(text())),
        sample("errors", 4_000, Reading::NotANumber(text())),
        sample("errors", 5_000, Reading::Failed(text())),
        sample("load", 4_500, Reading::Value(-0.5)),
    ];
    f.apply(rollout, all.iter().cloned().map(Change::Signal).collect());
    assert_eq!(f.store.signals(rollout).expect("readable"), all);
    let snapshot = f.store.snapshot(rollout).expect("known");
    assert_eq!(snapshot.signals, all[4..]);
    let untouched = f.store.snapshot(other).expect("known");
    assert!(untouched.signals.is_empty());
}

/// Design §6: volume is bounded.
pub(crate) fn the_history_of_a_signal_is_bounded(f: &mut Fixture) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    let seldom = sample("load", 1, Reading::Value(0.0));
    f.apply(rollout, vec![Change::Signal(seldom.clone())]);
    for at in 1..=1_000_u32 {
        let often = sample("errors", u64::from(at), Reading::Value(f64::from(at)));
        f.apply(rollout, vec![Change::Signal(often)]);
    }
    let kept = f.store.signals(rollout).expect("readable");
    let (errors, load) = kept.split_at(256);
    let instants: Vec<_> = errors.iter().map(|sample| sample.at.0).collect();
    assert_eq!(instants, (745..=1_000).collect::<Vec<_>>());
    assert_eq!(load, [seldom]);
}

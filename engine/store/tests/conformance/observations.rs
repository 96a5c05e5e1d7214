use windlass_model::{Connectivity, Device, DeviceKey, ObservationSource, Timestamp};

use crate::fixture::{Fixture, device, observation};

const NOW: Timestamp = Timestamp(1_000_000);

fn seen(version: &str, at: Option<u64>) -> Device {
    let mut device = device("d-1");
    device.version = Some(version.to_owned());
    device.last_seen = at.map(Timestamp);
    device
}

fn import(f: &mut Fixture, device: Device) {
    f.store.import_devices([device], NOW).expect("imported");
}

fn version(f: &Fixture) -> String {
    f.device("d-1").version.expect("the version is known")
}

fn probe(f: &mut Fixture, key: DeviceKey, version: &str, at: u64) {
    let rollout = match f.store.rollouts().expect("readable").first() {
        Some(rollout) => rollout.key,
        None => f.rollout("r", &[key], 1),
    };
    let mut observation = observation(key, at);
    observation.version = Some(version.to_owned());
    observation.status = Some(Connectivity::Online);
    f.observe(rollout, observation);
}

/// Design §6: every observed field has a source and a time.
pub(crate) fn an_import_never_overwrites_a_newer_observation(f: &mut Fixture) {
    let key = f.fleet(1)[0];
    let before = f.store.provenance(key).expect("readable").expect("known");
    assert_eq!(before.version.source, ObservationSource::Import);
    assert_eq!(before.version.at, Timestamp(0));

    probe(f, key, "2.0.0", 5_000);
    import(f, seen("1.0.0", None));
    assert_eq!(version(f), "2.0.0");
    import(f, seen("1.5.0", Some(5_000)));
    assert_eq!(version(f), "2.0.0");
    let kept = f.store.provenance(key).expect("readable").expect("known");
    assert_eq!(kept.version.source, ObservationSource::Probe);
    assert_eq!(kept.status.at, Timestamp(5_000));
    assert_eq!(f.device("d-1").last_seen, Some(Timestamp(5_000)));

    import(f, seen("3.0.0", Some(6_000)));
    assert_eq!(version(f), "3.0.0");
    import(f, seen("3.0.1", Some(6_000)));
    assert_eq!(version(f), "3.0.1", "a corrected list holds");
    let mut silent = seen("", Some(7_000));
    silent.version = None;
    probe(f, key, "4.0.0", 6_500);
    import(f, silent);
    assert_eq!(
        version(f),
        "4.0.0",
        "a list without a version has not seen one"
    );
    assert_eq!(f.device("d-1").last_seen, Some(Timestamp(7_000)));
}

pub(crate) fn an_older_observation_changes_nothing(f: &mut Fixture) {
    let key = f.fleet(1)[0];
    probe(f, key, "2.0.0", 5_000);
    probe(f, key, "1.9.0", 4_999);
    assert_eq!(version(f), "2.0.0");
    assert_eq!(f.device("d-1").last_seen, Some(Timestamp(5_000)));
    probe(f, key, "2.0.1", 5_000);
    assert_eq!(version(f), "2.0.1", "of one instant the later report holds");
}

pub(crate) fn fields_are_observed_one_by_one(f: &mut Fixture) {
    let key = f.fleet(1)[0];
    let rollout = f.rollout("r", &[key], 1);
    let mut offline = observation(key, 5_000);
    offline.status = Some(Connectivity::Offline);
    f.observe(rollout, offline);
    let device = f.device("d-1");
    assert_eq!(device.status, Connectivity::Offline);
    assert_eq!(device.version.as_deref(), Some("1.0.0"));
    assert_eq!(device.last_seen, None, "who is offline was not seen");

    let mut verified = observation(key, 4_000);
    verified.source = ObservationSource::Verify;
    verified.version = Some("2.0.0".to_owned());
    verified.status = Some(Connectivity::Online);
    f.observe(rollout, verified);
    let device = f.device("d-1");
    assert_eq!(device.status, Connectivity::Offline);
    assert_eq!(device.version.as_deref(), Some("2.0.0"));
    assert_eq!(device.last_seen, Some(Timestamp(4_000)));
    let provenance = f.store.provenance(key).expect("readable").expect("known");
    assert_eq!(provenance.version.source, ObservationSource::Verify);
    assert_eq!(provenance.status.source, ObservationSource::Probe);
    assert_eq!(provenance.last_seen.at, Timestamp(4_000));
}

/// A clock that runs ahead would shut out every later observation.
pub(crate) fn a_list_cannot_have_seen_the_future(f: &mut Fixture) {
    import(f, seen("1.0.0", Some(u64::MAX)));
    assert_eq!(f.device("d-1").last_seen, Some(NOW));
    let key = f.store.devices(None, 1, &[]).expect("a page")[0].key;
    probe(f, key, "2.0.0", NOW.0 + 1);
    assert_eq!(version(f), "2.0.0");
}

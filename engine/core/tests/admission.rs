//! What may become of a device whose turn has come, through the public surface.

use std::{collections::BTreeSet, time::Duration};

use windlass_core::{
    Gate,
    admission::{self, Circumstances, HOLD_RECHECK, RIVAL_RECHECK, code},
};
use windlass_model::{
    Admission, Connection, Connectivity, Device, DeviceId, DeviceKey, Hold, HoldKind, HoldSubject,
    OfflineDevices, OnUncertain, Release, RetrySettings, Rival, RolloutKey, RolloutSettings,
    RolloutState, SettleSettings, Sha256, SkipReason, StateKind, Timeouts, Timestamp, Value,
    VerifyMode,
};

const NOW: Timestamp = Timestamp(1_000_000);
const OWN: RolloutKey = RolloutKey(5);
const START: Gate = Gate::Start { order_key: 0 };
const PROBE: Duration = Duration::from_secs(10);

/// A device and all that is known around it.
struct Case {
    device: Device,
    settings: RolloutSettings,
    matches: bool,
    admission: Admission,
    holds: Vec<Hold>,
    rivals: Vec<Rival>,
    driven: Vec<RolloutKey>,
}

impl Case {
    fn new(version: Option<&str>, status: Connectivity) -> Self {
        Self {
            device: Device {
                id: DeviceId::new("d"),
                name: String::new(),
                address: "http://d".to_owned(),
                kind: None,
                version: version.map(str::to_owned),
                status,
                location: None,
                timezone: None,
                tags: Vec::new(),
                attributes: Default::default(),
                last_seen: None,
            },
            settings: settings(),
            matches: true,
            admission: Admission::default(),
            holds: Vec::new(),
            rivals: Vec::new(),
            driven: Vec::new(),
        }
    }

    fn old() -> Self {
        Self::new(Some("2.2.0"), Connectivity::Online)
    }

    fn gate(&self) -> Gate {
        let release = Release {
            name: "app".to_owned(),
            version: "2.3.0".to_owned(),
            size: 1,
            sha256: Sha256([0; 32]),
            media_type: String::new(),
        };
        admission::gate(&Circumstances {
            device: &self.device,
            release: &release,
            settings: &self.settings,
            matches: self.matches,
            admission: self.admission.clone(),
            holds: &self.holds,
            rivals: &self.rivals,
            driven: &self.driven,
            rollout: OWN,
            now: NOW,
        })
    }

    /// Until when it is put off, whether it must connect, and by which code.
    fn deferral(&self) -> (Duration, bool, Option<String>) {
        match self.gate() {
            Gate::Defer {
                until,
                needs_connection,
                reason,
            } => (
                until.since(NOW),
                needs_connection,
                reason.map(|reason| reason.code),
            ),
            gate => panic!("{gate:?}"),
        }
    }
}

fn settings() -> RolloutSettings {
    RolloutSettings {
        retry: RetrySettings {
            attempts: 3,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(30),
        },
        timeouts: Timeouts {
            idle: Duration::from_secs(30),
            attempt: Duration::from_secs(600),
        },
        settle: SettleSettings {
            grace: Duration::from_secs(60),
            on_uncertain: OnUncertain::DeadLetter,
        },
        offline: OfflineDevices::Defer,
        probe_interval: PROBE,
        verify: VerifyMode::WhenPossible,
        allow_downgrade: false,
        seed: 3,
        priority: 0,
        concurrency: None,
        connection: Connection::Assumed,
        dynamic: false,
    }
}

/// Design §6 ("checked again at dispatch") and §7.10.
#[test]
fn a_device_that_needs_nothing_or_is_not_meant_is_skipped() {
    assert_eq!(Case::old().gate(), START);
    assert_eq!(Case::new(None, Connectivity::Unknown).gate(), START);
    let mut case = Case::new(Some("2.3.0"), Connectivity::Offline);
    case.matches = false;
    assert_eq!(case.gate(), Gate::Skip(SkipReason::AlreadyCurrent));
    let mut case = Case::old();
    case.matches = false;
    assert_eq!(case.gate(), Gate::Skip(SkipReason::NoLongerMatches));
    let mut case = Case::new(Some("2.10.0"), Connectivity::Online);
    assert_eq!(case.gate(), Gate::Skip(SkipReason::WouldDowngrade));
    case.settings.allow_downgrade = true;
    assert_eq!(case.gate(), START);
    let mut case = Case::old();
    let never = Admission {
        never: true,
        ..Admission::default()
    };
    case.admission = admission::combine([Admission::default(), never]);
    assert_eq!(case.gate(), Gate::Skip(SkipReason::Policy));
}

/// Design §7.7, and issue 3: `connection = "known"` probes a device before it is pushed to.
#[test]
fn a_device_that_is_not_there_is_deferred_or_skipped() {
    let mut away = Case::new(None, Connectivity::Offline);
    let (until, needs_connection, _) = away.deferral();
    assert!(needs_connection && until >= PROBE * 4 / 5 && until <= PROBE * 6 / 5);
    away.settings.offline = OfflineDevices::Skip;
    assert_eq!(away.gate(), Gate::Skip(SkipReason::Offline));

    let mut unknown = Case::new(None, Connectivity::Unknown);
    unknown.settings.connection = Connection::Known;
    assert!(unknown.deferral().1);
    unknown.device.status = Connectivity::Online;
    assert_eq!(unknown.gate(), START);

    let mut unknown = Case::new(None, Connectivity::Unknown);
    let soon = NOW.plus(Duration::from_secs(3));
    unknown.admission.not_before = Some(soon);
    assert_eq!(unknown.deferral(), (Duration::from_secs(3), false, None));
    unknown.admission.needs_connection = true;
    assert!(unknown.deferral().0 > Duration::from_secs(3));
}

/// Issue 3: the probes of a fleet are spread, each device's by the same amount every time.
#[test]
fn probes_have_jitter_of_a_fifth() {
    let instants: BTreeSet<Duration> = (0..200)
        .map(|number| {
            let mut away = Case::new(None, Connectivity::Offline);
            away.device.id = DeviceId::new(format!("d{number}"));
            assert_eq!(away.deferral(), away.deferral());
            away.deferral().0
        })
        .collect();
    assert!(instants.len() > 150, "{} instants", instants.len());
    let (first, last) = instants.first().zip(instants.last()).expect("some");
    assert!(*first >= PROBE * 4 / 5 && *first < PROBE * 17 / 20);
    assert!(*last <= PROBE * 6 / 5 && *last > PROBE * 23 / 20);
}

fn rival(key: i64, release: (&str, &str), priority: i32, state: StateKind) -> Rival {
    Rival {
        device: DeviceKey(1),
        rollout: RolloutKey(key),
        rollout_state: RolloutState::Running,
        priority,
        release: release.0.to_owned(),
        version: release.1.to_owned(),
        state,
    }
}

/// Design §7.8: "higher priority first, then the older".
#[test]
fn another_release_comes_first_by_priority_and_then_by_age() {
    use StateKind::{Deferred, Pending, Succeeded, Transferring};
    for (key, priority, state, comes_first) in [
        (9, 1, Pending, true),
        (1, 0, Pending, true),
        (1, -1, Pending, false),
        (9, 0, Deferred, false),
        (9, -1, Transferring, true),
        (1, 1, Succeeded, false),
    ] {
        let mut case = Case::old();
        case.rivals = vec![rival(key, ("os", "1.0.0"), priority, state)];
        let waits = case.gate() != START;
        assert_eq!(waits, comes_first, "{key} {priority} {state:?}");
        if waits {
            let (until, _, why) = case.deferral();
            assert_eq!(
                (until, why.as_deref()),
                (RIVAL_RECHECK, Some(code::OTHER_ROLLOUT))
            );
        }
    }
    let mut case = Case::old();
    case.rivals = vec![rival(1, ("os", "1.0.0"), 9, Pending)];
    case.rivals[0].rollout_state = RolloutState::Completed;
    assert_eq!(case.gate(), START);
}

/// Design §7.8: whoever waits for another rollout is told whether that goes on by itself.
#[test]
fn a_rollout_that_comes_first_and_stands_still_is_told() {
    for (driven, state, standing) in [
        (true, RolloutState::Running, None),
        (false, RolloutState::Running, Some("not-driven")),
        (true, RolloutState::Paused, Some("paused")),
    ] {
        let mut case = Case::old();
        case.rivals = vec![rival(1, ("os", "1.0.0"), 0, StateKind::Pending)];
        case.rivals[0].rollout_state = state;
        case.driven = driven.then_some(RolloutKey(1)).into_iter().collect();
        let Gate::Defer {
            reason: Some(reason),
            ..
        } = case.gate()
        else {
            panic!("the older one comes first");
        };
        let told = reason.parameters.get("standing");
        assert_eq!(
            told,
            standing.map(|word| Value::Text(word.to_owned())).as_ref()
        );
        let fenced = admission::fenced(&case.rivals, &case.driven);
        assert_eq!(
            fenced.parameters.get("standing"),
            None,
            "it is not in flight"
        );
    }
}

/// Design §7.8: a newer release goes first once it admitted the device, and ends the older
/// where it succeeded; an older one never keeps a newer one back before it is under way.
#[test]
fn a_newer_release_goes_first_once_it_has_taken_the_device() {
    use StateKind::{Admitted, Failed, Offered, Pending, Succeeded, Waiting};
    let superseded = Gate::Supersede {
        by: RolloutKey(9),
        version: "2.4.0".to_owned(),
    };
    for (state, expected) in [(Pending, Some(START)), (Admitted, None), (Waiting, None)] {
        let mut case = Case::old();
        case.rivals = vec![rival(9, ("app", "2.4.0"), 0, state)];
        let gate = case.gate();
        assert_eq!(gate == START, expected.is_some(), "{state:?}: {gate:?}");
    }
    let mut case = Case::old();
    case.rivals = vec![rival(9, ("app", "2.4.0"), 0, Failed)];
    assert_eq!(case.gate(), START);
    case.rivals = vec![rival(9, ("app", "2.4.0"), 0, Succeeded)];
    assert_eq!(case.gate(), superseded);
    case.device.version = Some("2.4.0".to_owned());
    assert_eq!(case.gate(), superseded, "which says more than a downgrade");

    for (state, waits) in [(Pending, false), (Waiting, false), (Offered, true)] {
        let mut case = Case::old();
        case.rivals = vec![rival(1, ("app", "2.1.0"), 9, state)];
        assert_eq!(case.gate() != START, waits, "{state:?}");
    }
}

/// Design §7.9: a rollout that takes a release back is not superseded by it.
#[test]
fn a_rollback_is_not_superseded_by_what_it_takes_back() {
    let mut case = Case::new(Some("2.4.0"), Connectivity::Online);
    case.settings.allow_downgrade = true;
    case.rivals = vec![rival(1, ("app", "2.4.0"), 0, StateKind::Succeeded)];
    assert_eq!(case.gate(), START);
}

/// Design §7.8, §7.9: after a release was taken back, the one that mends it reaches the
/// devices that run the older version again.
#[test]
fn a_fix_release_is_not_superseded_by_what_was_taken_back() {
    let mut case = Case::old();
    case.rivals = vec![rival(1, ("app", "2.4.0"), 0, StateKind::Succeeded)];
    assert_eq!(case.gate(), START);
    for still_there in [Some("2.4.0"), None] {
        case.device.version = still_there.map(str::to_owned);
        let superseded = matches!(case.gate(), Gate::Supersede { .. });
        assert!(superseded, "{still_there:?}");
    }
}

/// Three rollouts never wait in a circle: one that waits for a newer release keeps nobody
/// back.
#[test]
fn a_rollout_that_waits_itself_is_in_nobodys_way() {
    let mut case = Case::old();
    let older = rival(1, ("os", "1.0.0"), 9, StateKind::Pending);
    let newer = rival(2, ("os", "1.1.0"), -9, StateKind::Waiting);
    case.rivals = vec![older.clone()];
    assert_ne!(case.gate(), START);
    case.rivals = vec![older, newer];
    assert_eq!(case.gate(), START);
}

/// Issue 3: `windlass devices hold|pin ID --until … --reason …`.
#[test]
fn a_hold_defers_to_its_end_or_to_the_next_look() {
    let hold = |kind, until| Hold {
        subject: HoldSubject::Device(DeviceId::new("d")),
        kind,
        until,
        actor: "ann".to_owned(),
        reason: "demo".to_owned(),
        at: NOW,
    };
    let soon = Duration::from_secs(20);
    for (kind, until, wait, why) in [
        (HoldKind::Hold, None, HOLD_RECHECK, code::HOLD),
        (HoldKind::Hold, Some(soon), soon, code::HOLD),
        (
            HoldKind::Pin("1.0.0".to_owned()),
            None,
            HOLD_RECHECK,
            code::PINNED,
        ),
    ] {
        let mut case = Case::old();
        case.holds = vec![hold(kind, until.map(|until| NOW.plus(until)))];
        assert_eq!(case.deferral(), (wait, false, Some(why.to_owned())));
    }
    let mut case = Case::old();
    case.holds = vec![hold(HoldKind::Pin("2.3.0".to_owned()), None)];
    assert_eq!(case.gate(), START);
}

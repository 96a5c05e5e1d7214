use windlass_model::{Change, EventKind, ReleaseKey, RolloutKey, Sha256, Timestamp};
use windlass_store::Condemnation;

use crate::fixture::{Fixture, release};

fn condemn(f: &mut Fixture, rollout: RolloutKey, at: u64, reason: &str) {
    let condemned = Change::Condemned {
        at: Timestamp(at),
        reason: reason.to_owned(),
    };
    f.apply(rollout, vec![condemned]);
}

fn forgive(f: &mut Fixture, version: &str) -> bool {
    f.store
        .forgive("pos-app", version, "ada", "a new build", Timestamp(9_000))
        .expect("writable")
}

/// Design §7.6.
pub(crate) fn the_first_reason_condemns_until_a_person_forgives(f: &mut Fixture) {
    let devices = f.fleet(1);
    let (first, second) = (f.rollout("r", &devices, 1), f.rollout("s", &devices, 1));
    let key = f.release();
    assert_eq!(f.store.condemnation(key).expect("readable"), None);
    condemn(f, first, 5_000, "too many errors");
    condemn(f, second, 6_000, "again");
    let condemnation = Condemnation {
        at: Timestamp(5_000),
        reason: "too many errors".to_owned(),
        rollout: first,
    };
    let found = f.store.condemnation(key).expect("readable");
    assert_eq!(found.as_ref(), Some(&condemnation));
    let all = f.store.condemned().expect("readable");
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].0.key, &all[0].0.release), (key, &release()));
    assert_eq!(all[0].1, condemnation);

    assert!(!forgive(f, "2.2.0"));
    assert!(forgive(f, "2.3.0"));
    assert!(!forgive(f, "2.3.0"));
    assert_eq!(f.store.condemnation(key).expect("readable"), None);
    assert!(f.store.condemned().expect("readable").is_empty());
    let forgiven = EventKind::ReleaseForgiven {
        release: "pos-app".to_owned(),
        version: "2.3.0".to_owned(),
        actor: "ada".to_owned(),
        reason: "a new build".to_owned(),
    };
    assert_eq!(f.events(), [(None, forgiven)]);
    condemn(f, second, 10_000, "it is still bad");
    assert!(f.store.condemnation(key).expect("readable").is_some());
}

pub(crate) fn a_release_is_forgiven_whatever_its_payload(f: &mut Fixture) {
    let devices = f.fleet(1);
    let mut rebuilt = release();
    rebuilt.sha256 = Sha256([8; 32]);
    let rebuilt = f.store.put_release(&rebuilt, Timestamp(1)).expect("kept");
    let keys: [ReleaseKey; 2] = [f.release(), rebuilt];
    for (number, release) in keys.iter().enumerate() {
        let rollout = f.rollout_to("2.3.0", &devices, |plan| {
            plan.release = *release;
            plan.name = windlass_model::RolloutName::new(format!("build-{number}"));
        });
        condemn(f, rollout, 5_000, "too many errors");
    }
    let other = f.rollout_to("2.4.0", &devices, |_| {});
    condemn(f, other, 5_000, "too many errors");
    assert!(forgive(f, "2.3.0"));
    let left = f.store.condemned().expect("readable");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].0.release.version, "2.4.0");
    assert_eq!(f.events().len(), 1);
}

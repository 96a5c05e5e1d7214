//! Connections of simulated fleets (GO-140 to GO-143).

use std::time::Duration;

use windlass_model::Timestamp;
use windlass_simulate::{Fleet, Profile, Prototype};

use crate::scenes::{DAY, HOUR, MONDAY};

const DEVICES: u64 = 3000;

/// A fleet whose clocks all show UTC.
fn fleet(profile: Profile, seed: u64) -> Fleet {
    let made = Fleet::new(profile, seed, 1, Vec::new());
    let record = Prototype {
        device: made.device(0, MONDAY),
        utc_offset: 0,
    };
    Fleet::new(profile, seed, DEVICES, vec![record])
}

fn share(fleet: &Fleet, at: Timestamp) -> f64 {
    let online = (0..DEVICES).filter(|device| fleet.spell(*device, at).online);
    online.count() as f64 / DEVICES as f64
}

fn hours() -> impl Iterator<Item = (u32, Timestamp)> {
    // MONDAY is at eight.
    (0..7 * 24).map(|hour| {
        (
            (8 + hour) % 24,
            MONDAY.plus(HOUR * hour + Duration::from_secs(1)),
        )
    })
}

#[test]
fn shares_lie_in_their_ranges_at_every_hour() {
    let ranges = [
        (Profile::Vehicle, 0.5..=0.7),
        (Profile::Iot, 0.2..=0.4),
        (Profile::Signage, 0.95..=1.0),
    ];
    for seed in 0..4 {
        for (profile, range) in &ranges {
            let fleet = fleet(*profile, seed);
            for (_, at) in hours() {
                let share = share(&fleet, at);
                assert!(
                    range.contains(&share),
                    "{profile:?} of seed {seed}: {share} at {at:?}"
                );
            }
        }
    }
}

#[test]
fn tills_are_there_while_their_shop_is_open_and_mostly_off_at_night() {
    for seed in 0..4 {
        let fleet = fleet(Profile::Pos, seed);
        for (hour, at) in hours() {
            let share = share(&fleet, at);
            match hour {
                8..20 => assert!(share >= 0.9, "{share} at {hour}"),
                22..24 | 0..6 => assert!((0.2..0.4).contains(&share), "{share} at {hour}"),
                _ => {}
            }
        }
    }
}

/// A till opens by the clock of its shop.
#[test]
fn a_shop_opens_by_its_own_clock() {
    let away = Duration::from_secs(9 * 3600);
    let here = fleet(Profile::Pos, 1);
    let east = Prototype {
        device: here.device(0, MONDAY),
        utc_offset: 9 * 3600,
    };
    let there = Fleet::new(Profile::Pos, 1, DEVICES, vec![east]);
    for device in 0..DEVICES {
        let (one, other) = (
            here.spell(device, MONDAY.plus(away)),
            there.spell(device, MONDAY),
        );
        assert_eq!(one.online, other.online, "{device}");
        assert_eq!(one.until, other.until.plus(away), "{device}");
    }
}

/// A spell ends where the next begins, and online and offline take turns.
#[test]
fn spells_follow_each_other() {
    for profile in Profile::ALL {
        let fleet = fleet(profile, 5);
        for device in 0..300 {
            let mut spell = fleet.spell(device, MONDAY);
            assert!(spell.since <= MONDAY && MONDAY < spell.until, "{spell:?}");
            while spell.until < MONDAY.plus(20 * DAY) {
                let next = fleet.spell(device, spell.until);
                let inside = Timestamp(spell.until.0 - 1);
                assert_eq!(
                    fleet.spell(device, inside).until,
                    spell.until,
                    "{profile:?}"
                );
                // A till that stays on may do so for longer than anybody looks ahead.
                let goes_on = profile == Profile::Pos && next.online == spell.online;
                assert!(
                    next.online != spell.online || goes_on,
                    "{profile:?} {spell:?} {next:?}"
                );
                assert!(next.until > spell.until, "{profile:?} {spell:?} {next:?}");
                spell = next;
            }
        }
    }
}

/// The bound by which the blast radius reckons.
#[test]
fn no_more_devices_go_away_than_the_bound_says() {
    let exposed = Duration::from_secs(240);
    for profile in Profile::ALL {
        let fleet = fleet(profile, 3);
        for (hour, at) in hours() {
            let online = (0..DEVICES).filter(|device| fleet.spell(*device, at).online);
            let (mut here, mut gone) = (0.0, 0.0);
            for device in online {
                here += 1.0;
                gone += f64::from(u8::from(fleet.spell(device, at).until < at.plus(exposed)));
            }
            // Three standard deviations of what is drawn.
            let bound = profile.breaks_within(exposed);
            let slack = 3.0 * (bound / here).sqrt();
            assert!(
                gone / here <= bound + slack,
                "{profile:?} at {hour}: {}",
                gone / here
            );
        }
    }
}

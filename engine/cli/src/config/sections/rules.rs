use sha2::{Digest, Sha256};
use windlass_model::{
    Connection, OfflineDevices, OnUncertain, RetrySettings, RolloutSettings, SettleSettings,
    Timeouts, VerifyMode,
};

use crate::{
    config::{
        DEFAULT_ATTEMPT, DEFAULT_ATTEMPTS, DEFAULT_BACKOFF, DEFAULT_GRACE, DEFAULT_IDLE,
        DEFAULT_MAX_BACKOFF, DEFAULT_PROBE_INTERVAL, reader::Reader,
    },
    units::format_duration,
};

const OFFLINE: [(&str, OfflineDevices); 2] = [
    ("defer", OfflineDevices::Defer),
    ("skip", OfflineDevices::Skip),
];

const ON_UNCERTAIN: [(&str, OnUncertain); 2] = [
    ("dead-letter", OnUncertain::DeadLetter),
    ("push-again", OnUncertain::PushAgain),
];

const CONNECTION: [(&str, Connection); 2] = [
    ("assumed", Connection::Assumed),
    ("known", Connection::Known),
];

/// What `[rollout]` says beside its name and its plugins.
pub(super) fn rules(section: &Reader<'_>, name: Option<&str>) -> RolloutSettings {
    let seed = section.count("seed").map(|seed| seed.value);
    let probe_interval = section.length("probe_interval");
    RolloutSettings {
        retry: retry(section),
        timeouts: timeouts(section),
        settle: settle(section),
        offline: section
            .choice("offline", &OFFLINE)
            .unwrap_or(OfflineDevices::Defer),
        probe_interval: probe_interval.map_or(DEFAULT_PROBE_INTERVAL, |length| length.value),
        verify: match section.flag("verify") {
            Some(false) => VerifyMode::Off,
            Some(true) | None => VerifyMode::WhenPossible,
        },
        allow_downgrade: section.flag("allow_downgrade").unwrap_or(false),
        seed: seed.unwrap_or_else(|| seed_of(name.unwrap_or_default())),
        priority: section.whole("priority").unwrap_or_default(),
        concurrency: section.small_count("concurrency"),
        connection: section
            .choice("connection", &CONNECTION)
            .unwrap_or_default(),
        dynamic: section.flag("dynamic").unwrap_or(false),
    }
}

fn retry(section: &Reader<'_>) -> RetrySettings {
    let section = section.section("retry");
    let section = section.as_ref();
    let attempts = section.and_then(|section| section.count("attempts"));
    let backoff = section.and_then(|section| section.length("backoff"));
    let max_backoff = section.and_then(|section| section.length("max_backoff"));
    if let (Some(section), Some(backoff)) = (section, &backoff) {
        let bound = max_backoff
            .as_ref()
            .map_or(DEFAULT_MAX_BACKOFF, |bound| bound.value);
        if backoff.value > bound {
            let bound = format_duration(bound);
            let message = format!("`backoff` is longer than `max_backoff`, which is {bound}");
            let label = format!("at most {bound}");
            section.context.error(backoff.span, message, label);
        }
    }
    let attempts = attempts.and_then(|count| {
        let attempts = u32::try_from(count.value).ok();
        if let (Some(section), None) = (section, attempts) {
            let message = format!("`attempts` must be at most {}", u32::MAX);
            section.context.error(count.span, message, "too many");
        }
        attempts
    });
    let backoff = backoff.map_or(DEFAULT_BACKOFF, |length| length.value);
    RetrySettings {
        attempts: attempts.unwrap_or(DEFAULT_ATTEMPTS),
        backoff,
        max_backoff: max_backoff.map_or(DEFAULT_MAX_BACKOFF, |length| length.value),
    }
}

fn timeouts(section: &Reader<'_>) -> Timeouts {
    let section = section.section("timeouts");
    let section = section.as_ref();
    let idle = section.and_then(|section| section.length("idle"));
    let attempt = section.and_then(|section| section.length("attempt"));
    Timeouts {
        idle: idle.map_or(DEFAULT_IDLE, |length| length.value),
        attempt: attempt.map_or(DEFAULT_ATTEMPT, |length| length.value),
    }
}

fn settle(section: &Reader<'_>) -> SettleSettings {
    let section = section.section("settle");
    let section = section.as_ref();
    let grace = section.and_then(|section| section.length("grace"));
    let on_uncertain = section.and_then(|section| section.choice("on_uncertain", &ON_UNCERTAIN));
    SettleSettings {
        grace: grace.map_or(DEFAULT_GRACE, |length| length.value),
        on_uncertain: on_uncertain.unwrap_or(OnUncertain::DeadLetter),
    }
}

/// A seed of the rollout's own, the same in every run: with one seed for all rollouts the
/// same devices would be the first to take every risk.
fn seed_of(name: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

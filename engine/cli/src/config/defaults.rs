use std::time::Duration;

/// State file, relative to the configuration.
pub const DEFAULT_STATE: &str = "state/windlass.db";

/// Directory of downloaded payloads and compiled plugins, relative to the configuration.
pub const DEFAULT_CACHE: &str = "state/cache";

/// Transfers at once (GX-26).
pub const DEFAULT_CONCURRENCY: usize = 100;

/// Tries per device, the first included (GX-26).
pub const DEFAULT_ATTEMPTS: u32 = 3;

/// Bound of the first wait between two tries.
pub const DEFAULT_BACKOFF: Duration = Duration::from_secs(1);

/// Bound of every further wait.
pub const DEFAULT_MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Longest time in which a transfer may stand still.
pub const DEFAULT_IDLE: Duration = Duration::from_secs(30);

/// From the dispatch of an attempt until its device is verified.
pub const DEFAULT_ATTEMPT: Duration = Duration::from_secs(60 * 60);

/// How long a device that still runs another version after a push or a lost answer may be
/// flashing or rebooting. Fleets with slower reboots say so.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Between two questions to a device that is away or busy.
pub const DEFAULT_PROBE_INTERVAL: Duration = Duration::from_secs(30);

/// How long decisions are kept: a rollout that goes wrong is looked into within a season.
pub const DEFAULT_KEEP_DECISIONS: Duration = days(90);

/// How long events and attempts are kept after their rollout ended: an audit goes over a year.
pub const DEFAULT_KEEP_EVENTS: Duration = days(365);

const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}

/// From one poll of a signal to the next.
pub const DEFAULT_SIGNAL_EVERY: Duration = Duration::from_secs(30);

/// Shortest time between two polls of a signal: each fresh sample asks the policies.
pub const LEAST_SIGNAL_EVERY: Duration = Duration::from_secs(1);

/// How long a poll of a signal may take, if half of its interval is not less.
pub const DEFAULT_SIGNAL_TIMEOUT: Duration = Duration::from_secs(5);

/// After how many intervals without a fresh one a signal's value counts no more.
pub const DEFAULT_SIGNAL_STALE: u32 = 3;

/// The word of `rollback.to` for what each device ran before.
pub const PREVIOUS: &str = "previous";

/// What a payload is unless told otherwise.
pub const DEFAULT_MEDIA_TYPE: &str = "application/octet-stream";

/// The policy of a rollout that names none: one cohort of all devices, at once. A table
/// `[plugins.immediate]` of the operator's own takes its place.
pub const IMMEDIATE_POLICY: &str = "immediate";

/// The built-in plugin behind [`IMMEDIATE_POLICY`].
pub const IMMEDIATE_COMPONENT: &str = "policy-progressive";

/// Longest name of a release, rollout or plugin, in bytes: names go into HTTP headers and
/// log lines.
pub const MAX_NAME_BYTES: usize = 256;

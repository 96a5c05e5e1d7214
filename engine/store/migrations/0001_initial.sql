-- Instants are milliseconds since 1970, lengths of time milliseconds. Enumerations are
-- the numbers of src/codes.rs.

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counter (name, value) VALUES ('next_attempt', 1);

CREATE TABLE device (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    kind TEXT,
    location TEXT,
    timezone TEXT,
    tags TEXT NOT NULL,        -- JSON array
    attributes TEXT NOT NULL,  -- JSON object
    listed INTEGER NOT NULL,   -- 0: no longer in the operator's list
    version TEXT,
    version_source INTEGER NOT NULL,
    version_at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    status_source INTEGER NOT NULL,
    status_at INTEGER NOT NULL,
    last_seen INTEGER,
    last_seen_source INTEGER NOT NULL
) STRICT;

CREATE INDEX device_kind ON device (kind) WHERE kind IS NOT NULL;
CREATE INDEX device_location ON device (location) WHERE location IS NOT NULL;
CREATE INDEX device_version ON device (version) WHERE version IS NOT NULL;
CREATE INDEX device_status ON device (status);

-- Tags (name '') and short scalar attributes, each kept once: a row per device is then
-- two integers, and those of one label lie together in the order of devices.
CREATE TABLE label (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    value ANY NOT NULL,        -- a boolean is a blob of one byte, to differ from 0 and 1
    UNIQUE (name, value)
) STRICT;

CREATE TABLE device_label (
    label INTEGER NOT NULL REFERENCES label (id),
    device INTEGER NOT NULL REFERENCES device (key),
    PRIMARY KEY (label, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE release (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    media_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (sha256, name, version, media_type)
) STRICT;

CREATE TABLE rollout (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    release INTEGER NOT NULL REFERENCES release (key),
    plan TEXT NOT NULL,        -- JSON
    created_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    paused_for INTEGER NOT NULL,
    paused_since INTEGER
) STRICT;

CREATE TABLE cohort (
    rollout INTEGER NOT NULL REFERENCES rollout (key),
    position INTEGER NOT NULL,
    first_started INTEGER,
    last_ended INTEGER,
    PRIMARY KEY (rollout, position)
) STRICT, WITHOUT ROWID;

-- The id is the rollout's key times 2^32 plus the rank: a rollout's rows lie together
-- in rank order without an index.
CREATE TABLE assignment (
    id INTEGER PRIMARY KEY,
    rollout INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    device INTEGER NOT NULL REFERENCES device (key),
    cohort INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempt INTEGER,           -- of states that have one
    due INTEGER,               -- deferred until, offered until, waiting until
    detail INTEGER,            -- needs a connection, failure kind, reason of a skip
    started_attempts INTEGER NOT NULL,
    counted_attempts INTEGER NOT NULL,
    first_failure INTEGER,
    last_failure INTEGER,
    last_failure_at INTEGER,
    attempt_started INTEGER
) STRICT;

CREATE UNIQUE INDEX assignment_device ON assignment (device, rollout);
CREATE INDEX assignment_pending ON assignment (rollout, cohort) WHERE state = 0;
CREATE INDEX assignment_deferred ON assignment (rollout, due) WHERE state = 1;
CREATE INDEX assignment_live ON assignment (rollout) WHERE state BETWEEN 2 AND 8;

CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    assignment INTEGER NOT NULL REFERENCES assignment (id),
    device INTEGER NOT NULL,
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome INTEGER,
    failure INTEGER,
    retry_after INTEGER,
    message TEXT,              -- of a failure, or the name of an offer
    bytes INTEGER NOT NULL DEFAULT 0,
    settled_at INTEGER
) STRICT;

CREATE UNIQUE INDEX attempt_unsettled ON attempt (device) WHERE settled_at IS NULL;
CREATE INDEX attempt_assignment ON attempt (assignment);

CREATE TABLE checkpoint (
    assignment INTEGER PRIMARY KEY REFERENCES assignment (id),
    attempt INTEGER NOT NULL,  -- that kept it
    data BLOB NOT NULL
) STRICT;

CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    rollout INTEGER,
    kind TEXT NOT NULL         -- JSON
) STRICT;

CREATE INDEX event_rollout ON event (rollout) WHERE rollout IS NOT NULL;

CREATE TABLE decision (
    id INTEGER PRIMARY KEY,
    rollout INTEGER NOT NULL REFERENCES rollout (key),
    policy TEXT NOT NULL,
    component BLOB NOT NULL,
    at INTEGER NOT NULL,
    record TEXT NOT NULL,      -- JSON without the memos
    memo_before BLOB NOT NULL,
    memo BLOB NOT NULL
) STRICT;

CREATE INDEX decision_policy ON decision (rollout, policy);
CREATE INDEX decision_rollout ON decision (rollout);

CREATE TABLE component (
    digest BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

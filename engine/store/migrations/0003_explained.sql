-- What explains decisions, and how long it is kept.

-- How often a policy said again what the row says, and when last.
ALTER TABLE decision ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decision ADD COLUMN repeated_at INTEGER;

CREATE INDEX decision_time ON decision (rollout, at);

-- Swapping policies.

-- The cohort in which the last swap found an assignment that it moved.
ALTER TABLE assignment ADD COLUMN home INTEGER;

-- What a policy begins with after a swap, until it has decided.
CREATE TABLE inherited (
    rollout INTEGER NOT NULL REFERENCES rollout (key),
    policy TEXT NOT NULL,
    after INTEGER NOT NULL,    -- the newest decision at the swap
    memo BLOB NOT NULL,
    PRIMARY KEY (rollout, policy)
) STRICT, WITHOUT ROWID;

-- What is put back if a policy that was swapped in fails its first calls.
CREATE TABLE probation (
    rollout INTEGER PRIMARY KEY REFERENCES rollout (key),
    policies TEXT NOT NULL,    -- JSON
    cohorts TEXT NOT NULL,     -- JSON
    memos TEXT NOT NULL,       -- JSON, one per policy
    last INTEGER NOT NULL      -- assignment at the swap
) STRICT;

-- Why a device is where it is: what puts it off, and the log by device.

-- Of devices that were put off. Each reason is kept once: those of a site on hold are one
-- row, however many devices the site has.
CREATE TABLE reason (
    id INTEGER PRIMARY KEY,
    hash INTEGER NOT NULL,     -- of the JSON; not unique
    json TEXT NOT NULL
) STRICT;

CREATE INDEX reason_hash ON reason (hash);

ALTER TABLE assignment ADD COLUMN blocker INTEGER REFERENCES reason (id);

-- Of events that speak of one device: its row, and the reason for which it was put off.
-- Neither is in the JSON then, but for devices of events that older versions wrote.
ALTER TABLE event ADD COLUMN device INTEGER;
ALTER TABLE event ADD COLUMN reason INTEGER REFERENCES reason (id);

UPDATE event SET device =
    (SELECT key FROM device WHERE id = json_extract(event.kind, '$.device'))
    WHERE json_type(kind, '$.device') = 'text';

CREATE INDEX event_device ON event (device) WHERE device IS NOT NULL;
CREATE INDEX event_of_none ON event (rollout) WHERE device IS NULL;

-- What the engine that had this file last allowed itself.
CREATE TABLE bounds (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    json TEXT NOT NULL
) STRICT;

-- Signals: samples whose value or status differs from the one before, the newest of each
-- signal; bounded by the program.
CREATE TABLE signal (
    rollout INTEGER NOT NULL REFERENCES rollout (key),
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,   -- 0 ok, 1 missing, 2 stale, 3 not a number, 4 failed
    value REAL,                -- only of status 0
    message TEXT,              -- only of the others
    fresh_until INTEGER NOT NULL,
    PRIMARY KEY (rollout, name, at)
) STRICT, WITHOUT ROWID;

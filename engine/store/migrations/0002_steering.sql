-- Hands on a running rollout, rollback, holds, condemned releases, dead letters, replay.

ALTER TABLE rollout ADD COLUMN rollback INTEGER NOT NULL DEFAULT 0;

-- What the registry knew the device to run when the first attempt started.
ALTER TABLE assignment ADD COLUMN previous_version TEXT;

-- A person excluded the device while its attempt was under way.
ALTER TABLE assignment ADD COLUMN excluded INTEGER NOT NULL DEFAULT 0;

-- Of devices that an availability group may count as out of service.
CREATE INDEX assignment_failed ON assignment (device) WHERE state IN (10, 15);
CREATE INDEX assignment_dead_letter ON assignment (rollout) WHERE state = 15;

CREATE TABLE approval (
    id INTEGER PRIMARY KEY,
    rollout INTEGER NOT NULL REFERENCES rollout (key),
    gate TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    expires INTEGER
) STRICT;

CREATE INDEX approval_rollout ON approval (rollout);

CREATE TABLE advance (
    id INTEGER PRIMARY KEY,
    rollout INTEGER NOT NULL REFERENCES rollout (key),
    cohort INTEGER,            -- NULL: past everything that is left
    actor TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX advance_rollout ON advance (rollout);

CREATE TABLE condemned (
    release INTEGER PRIMARY KEY REFERENCES release (key),
    at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    rollout INTEGER NOT NULL REFERENCES rollout (key)
) STRICT;

-- The key is the subject: a subject has one hold at most. Devices need not be in the
-- registry yet.
CREATE TABLE hold (
    subject INTEGER NOT NULL,  -- 0 device, 1 location, 2 kind, 3 attribute
    attribute TEXT NOT NULL,   -- its name; else empty
    value TEXT NOT NULL,       -- a device's id, or the field's value
    pinned TEXT,               -- the version kept; NULL: kept out of every rollout
    until INTEGER,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (subject, attribute, value)
) STRICT, WITHOUT ROWID;

-- Devices taken out of service by a person: no import brings one back.
CREATE TABLE decommissioned (
    device INTEGER PRIMARY KEY REFERENCES device (key)
) STRICT;

-- Of policies, by the digest that their decisions cite.
CREATE TABLE settings (
    digest BLOB PRIMARY KEY,
    json TEXT NOT NULL         -- with sorted keys
) STRICT;

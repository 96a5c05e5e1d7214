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

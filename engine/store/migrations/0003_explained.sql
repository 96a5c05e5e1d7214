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

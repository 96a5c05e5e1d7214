-- Decisions in few bytes: those that a policy takes one after the other differ in a few numbers.

-- What decisions are packed with, which is one of them: the first that was. Those that cite it
-- are of its rollout and policy, and lie between it and the next pattern of these.
CREATE TABLE pattern (
    id INTEGER PRIMARY KEY,    -- that of the decision
    rollout INTEGER NOT NULL REFERENCES rollout (key),
    policy TEXT NOT NULL,
    bytes BLOB NOT NULL        -- record and memos in one, as they are packed
) STRICT;

CREATE INDEX pattern_policy ON pattern (rollout, policy);

-- Of packed decisions, whose record and memos are empty. Columns of theirs these cannot be: SQLite
-- reads through a strict table that is given one. The pattern is no foreign key: to drop one, SQLite
-- would read through this table, or need an index of it.
CREATE TABLE packed (
    decision INTEGER PRIMARY KEY REFERENCES decision (id) ON DELETE CASCADE,
    pattern INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

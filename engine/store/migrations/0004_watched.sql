-- Succeeded devices that are verified again: of each cohort the newest round.
CREATE TABLE recheck (
    rollout INTEGER NOT NULL REFERENCES rollout (key),
    cohort INTEGER NOT NULL,
    began INTEGER NOT NULL,
    ended INTEGER,             -- none while it goes on
    after INTEGER,             -- what became of assignments up to this one is counted
    confirmed INTEGER NOT NULL,
    regressed INTEGER NOT NULL,
    unconfirmed INTEGER NOT NULL,
    PRIMARY KEY (rollout, cohort)
) STRICT, WITHOUT ROWID;

-- Reasons that nothing cites any more, found and dropped a stretch at a time.

CREATE INDEX assignment_blocker ON assignment (blocker) WHERE blocker IS NOT NULL;
CREATE INDEX event_reason ON event (reason) WHERE reason IS NOT NULL;

-- Those that earlier versions left behind are looked for once.
INSERT INTO counter (name, value) VALUES ('reasons_swept', 0);

-- What happened to a rollout as a whole. Decisions have a table of their own, and are so many
-- that the rest would be lost among them.
DROP INDEX event_of_none;
CREATE INDEX event_of_none ON event (rollout)
    WHERE device IS NULL AND kind NOT GLOB '{"type":"decision-*';

-- The decision in force at an instant that is over.
CREATE INDEX decision_policy_time ON decision (rollout, policy, at);

-- What is watched beside what is in force.

-- Policies in shadow: asked and never obeyed. Those that are asked no longer keep their rows, for
-- reports.
CREATE TABLE shadow (
    id INTEGER PRIMARY KEY,
    rollout INTEGER NOT NULL REFERENCES rollout (key),
    policy TEXT NOT NULL,
    pin TEXT NOT NULL,         -- JSON
    origin INTEGER NOT NULL,   -- 0 configuration, 1 person
    added_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended INTEGER,             -- 0 person, 1 configuration, 2 in force
    cohorts TEXT,              -- JSON; none if it could not place the targets
    members BLOB,              -- the cohort of each rank, 16 bits each, the low byte first
    trouble TEXT,              -- why it could not
    comparison TEXT NOT NULL   -- JSON
) STRICT;

CREATE UNIQUE INDEX shadow_asked ON shadow (rollout, policy) WHERE ended_at IS NULL;

CREATE TABLE shadow_cohort (
    shadow INTEGER NOT NULL REFERENCES shadow (id),
    position INTEGER NOT NULL,
    first_started INTEGER,
    last_ended INTEGER,
    PRIMARY KEY (shadow, position)
) STRICT, WITHOUT ROWID;

-- The shadow that took a decision; none for a policy in force.
ALTER TABLE decision ADD COLUMN shadow INTEGER REFERENCES shadow (id);

CREATE INDEX decision_shadow ON decision (shadow) WHERE shadow IS NOT NULL;

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

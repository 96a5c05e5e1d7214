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

-- Reasons that nothing cites any more, found and dropped a stretch at a time.

CREATE INDEX assignment_blocker ON assignment (blocker) WHERE blocker IS NOT NULL;
CREATE INDEX event_reason ON event (reason) WHERE reason IS NOT NULL;

-- Those that earlier versions left behind are looked for once.
INSERT INTO counter (name, value) VALUES ('reasons_swept', 0);

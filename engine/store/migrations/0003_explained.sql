-- What explains decisions, and how long it is kept.

-- How often a policy said again what the row says, and when last.
ALTER TABLE decision ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decision ADD COLUMN repeated_at INTEGER;

CREATE INDEX decision_time ON decision (rollout, at);

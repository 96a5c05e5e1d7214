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

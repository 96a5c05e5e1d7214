-- Events of a rollout's devices are found by the rank of their assignment. Devices are started
-- in the order of ranks, so the index grows where it grew last; ordered by device, each event of
-- a large fleet dirtied a page of its own.

-- With the rollout it tells the assignment, and that the device, which is not kept then.
ALTER TABLE event ADD COLUMN rank INTEGER;

CREATE INDEX event_rank ON event (rollout, rank) WHERE rank IS NOT NULL;

DROP INDEX event_of_none;
CREATE INDEX event_of_none ON event (rollout)
    WHERE device IS NULL AND rank IS NULL AND kind NOT GLOB '{"type":"decision-*';

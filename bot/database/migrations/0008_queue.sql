-- What the queue must know of a job after a restart, how long things take here, and where no job is begun.

ALTER TABLE job ADD COLUMN background INTEGER NOT NULL DEFAULT 0 CHECK (background IN (0, 1));  -- nobody waits for it
ALTER TABLE job ADD COLUMN weight REAL NOT NULL DEFAULT 1 CHECK (weight > 0);  -- its work counts for 1/weight
ALTER TABLE job ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0 CHECK (deaths >= 0);  -- workers that died at it
CREATE INDEX job_of_people_by_state ON job (state) WHERE background = 0;

-- Said before a new message is posted, so that after a crash we know that one may be there, and where and since when.
ALTER TABLE delivery ADD COLUMN posting_in INTEGER;
ALTER TABLE delivery ADD COLUMN posting_at INTEGER;

-- Pictures that their owner deletes can be brought back for a short time: nobody sees them, and nothing is gone yet.
-- Afterwards the job goes with its pictures, for it holds the prompt.

ALTER TABLE job ADD COLUMN delete_at INTEGER;      -- when it goes for good (unix ms); NULL: it is not deleted
CREATE INDEX job_to_delete ON job (delete_at) WHERE delete_at IS NOT NULL;

-- The row outlives the job, so it says whose it is.
ALTER TABLE deletion ADD COLUMN person_id INTEGER REFERENCES person (id) ON DELETE CASCADE;
ALTER TABLE deletion ADD COLUMN input TEXT;        -- SHA-256 of the picture that the job started from
UPDATE deletion SET person_id = (SELECT person_id FROM job WHERE id = job_id);
CREATE INDEX deletion_of_person ON deletion (person_id);

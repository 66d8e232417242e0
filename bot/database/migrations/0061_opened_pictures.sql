-- When somebody last used a button under the pictures of a job: retention can keep what people come back to.
ALTER TABLE job ADD COLUMN opened_at INTEGER;

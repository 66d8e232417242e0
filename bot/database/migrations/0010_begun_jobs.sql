-- When a worker has begun the attempt that it was handed; until then the job waits there.
ALTER TABLE job ADD COLUMN begun_at INTEGER;

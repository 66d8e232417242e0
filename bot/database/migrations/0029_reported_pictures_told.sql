-- When and where reported pictures were painted: it is told with what was decided, also when they are deleted.
ALTER TABLE report ADD COLUMN painted_at INTEGER;   -- NULL: a LoRA, or the owner has deleted all
ALTER TABLE report ADD COLUMN painted_in INTEGER;   -- the channel, if those who decide may know it
UPDATE report SET
    painted_at = (SELECT coalesce(finished_at, job.created_at) FROM job WHERE id = target_id),
    painted_in = (SELECT channel_id FROM job WHERE id = target_id AND server_id > 0
        AND report.server_id IN (0, job.server_id))
WHERE kind = 'pictures' AND owner_id > 0;

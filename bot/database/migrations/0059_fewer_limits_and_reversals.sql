-- Servers no longer limit the size of one request, and identical requests no longer lose priority.

UPDATE server_limit SET limits = json_remove(
    limits, '$.max_loras', '$.max_count', '$.max_steps', '$.max_megapixels', '$.identical_in_a_row'
);
DELETE FROM server_limit WHERE limits = '{}';
ALTER TABLE job_order DROP COLUMN fingerprint;

-- Staff no longer reopen dismissed reports. A report that was reopened hides its pictures as long as a new one would.

DROP INDEX report_hiding;
UPDATE report SET created_at = reopened_at WHERE state = 'open' AND reopened_at IS NOT NULL;
ALTER TABLE report DROP COLUMN reopened_at;
CREATE INDEX report_hiding ON report (created_at) WHERE state = 'open' AND hides = 1;

-- Staff no longer reverse a decision that they have upheld. Easel still deletes direct messages about such decisions.

ALTER TABLE appeal DROP COLUMN upheld_at;

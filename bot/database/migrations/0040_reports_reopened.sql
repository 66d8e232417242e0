-- When the dismissal of a report was taken back: it hides its pictures as long as a new one would.

ALTER TABLE report ADD COLUMN reopened_at INTEGER;
DROP INDEX report_hiding;
CREATE INDEX report_hiding ON report (coalesce(reopened_at, created_at)) WHERE state = 'open' AND hides = 1;

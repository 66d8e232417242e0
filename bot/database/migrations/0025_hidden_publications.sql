-- A publication that may not be shown in its channel for now. It is `pending`: its message goes, and it is posted again,
-- with its likes, when nothing hides it any more (bot.database.publications).
ALTER TABLE publication ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1));
CREATE INDEX publication_of_channel ON publication (art_channel_id, id);

-- What staff take down by themselves goes for good. What a decision takes down comes back when that is reversed.
CREATE TRIGGER publication_taken_down AFTER INSERT ON takedown WHEN new.report_id = 0 BEGIN
    UPDATE publication SET state = 'removing'
    WHERE job_id = new.job_id AND new.server_id IN (0, server_id) AND state <> 'removing';
END;

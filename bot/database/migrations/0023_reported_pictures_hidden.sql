-- Reported pictures are out of sight until staff decide, for a time. A takedown tells the report that it comes from.

ALTER TABLE report ADD COLUMN hides INTEGER NOT NULL DEFAULT 0 CHECK (hides IN (0, 1));  -- while it is open
-- Whether the message that shows the pictures is to be written anew.
ALTER TABLE report ADD COLUMN message_due INTEGER NOT NULL DEFAULT 0 CHECK (message_due IN (0, 1));
CREATE INDEX report_hiding ON report (created_at) WHERE state = 'open' AND hides = 1;
CREATE INDEX report_message_due ON report (id) WHERE message_due = 1;
-- Whether what this person said hides the pictures; each may hide a few a day.
ALTER TABLE report_by ADD COLUMN hides INTEGER NOT NULL DEFAULT 0 CHECK (hides IN (0, 1));

-- The direct message that told the owner.
ALTER TABLE decision ADD COLUMN notice_id INTEGER;
ALTER TABLE appeal ADD COLUMN notice_id INTEGER;

CREATE TABLE takedown_by (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL,
    report_id INTEGER NOT NULL DEFAULT 0,   -- whose decision it is; 0: staff did it by themselves
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,  -- the picture's owner
    created_at INTEGER NOT NULL,
    told_at INTEGER,                        -- NULL until the owner is told
    notice_id INTEGER,                      -- the direct message that tells them, if it was one
    PRIMARY KEY (job_id, server_id, report_id)
) STRICT, WITHOUT ROWID;
INSERT INTO takedown_by (job_id, server_id, person_id, created_at, told_at, notice_id)
    SELECT job_id, server_id, person_id, created_at, told_at, notice_id FROM takedown;
DROP TABLE takedown;
ALTER TABLE takedown_by RENAME TO takedown;
CREATE INDEX takedown_of_person ON takedown (person_id, told_at);

-- Reports that do not run out by themselves, and reminders of open ones.

ALTER TABLE report ADD COLUMN lasting INTEGER NOT NULL DEFAULT 0 CHECK (lasting IN (0, 1));  -- it looks like a minor

-- Each reminder goes out once. `recipient` is a channel of staff, or the keyed hash of an operator.
CREATE TABLE report_reminder (
    report_id INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    days INTEGER NOT NULL,
    recipient INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,              -- since then it may have been sent
    sent_at INTEGER,                        -- NULL: nobody knows yet whether it was
    PRIMARY KEY (report_id, days, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_by_age ON report (created_at) WHERE state = 'open';

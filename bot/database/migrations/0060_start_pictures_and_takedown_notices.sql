-- Start pictures that were made from another user's picture, by the file's SHA-256. `person_id` is the author of that
-- picture: if the author deletes all data, the file goes too, whoever uses it.
CREATE TABLE start_picture_source (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (person_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX start_picture_source_by_file ON start_picture_source (sha256);

ALTER TABLE erasure ADD COLUMN start_pictures INTEGER NOT NULL DEFAULT 0;  -- of other users, from the person's pictures
ALTER TABLE erasure_file ADD COLUMN unconditional INTEGER NOT NULL DEFAULT 0 CHECK (unconditional IN (0, 1));

-- What the authors and uploaders are told about a takedown for a person who is shown. A case writes it when an operator
-- confirms it.
CREATE TABLE takedown_notice (
    case_id INTEGER NOT NULL REFERENCES takedown_case (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    pictures INTEGER NOT NULL,              -- generated ones and start pictures
    created_at INTEGER NOT NULL,
    tried_at INTEGER,                       -- since then it may have been sent
    refused INTEGER NOT NULL DEFAULT 0 CHECK (refused IN (0, 1)),  -- Discord refuses direct messages to this person
    told_at INTEGER,                        -- NULL until the person knows
    PRIMARY KEY (case_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX takedown_notice_of_person ON takedown_notice (person_id, told_at);
CREATE INDEX takedown_notice_due ON takedown_notice (case_id, person_id) WHERE told_at IS NULL AND refused = 0;
CREATE INDEX takedown_notice_by_age ON takedown_notice (created_at);

-- Decided reports and entries of the audit log expire by their age.
CREATE INDEX decision_by_age ON decision (decided_at, report_id);
CREATE INDEX audit_by_age ON audit (created_at, id);

-- The message to staff about an expired report names several people.
CREATE TABLE posted_message_to (
    message_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, message_id)
) STRICT, WITHOUT ROWID;
INSERT INTO posted_message_to SELECT message_id, channel_id, person_id, created_at FROM posted_message;
DROP TABLE posted_message;
ALTER TABLE posted_message_to RENAME TO posted_message;

-- The log is deleted only where the bot has left, and what is older than the time that retention has stored.
DROP TRIGGER audit_is_not_deleted;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM server WHERE id = old.server_id AND left_at IS NOT NULL)
AND NOT EXISTS (SELECT 1 FROM memo WHERE key = 'audit before' AND old.created_at < CAST(value AS INTEGER)) BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are not deleted');
END;

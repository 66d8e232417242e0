-- What is kept for a time: orders by their age, and since when a server has been without the bot.

CREATE INDEX job_by_age ON job (created_at, id);

ALTER TABLE server ADD COLUMN left_at INTEGER;     -- since when the bot has not been there (unix ms); NULL: it is
CREATE INDEX server_left ON server (left_at) WHERE left_at IS NOT NULL;

-- Of a server that has removed the bot and is forgotten, the log goes too.
DROP TRIGGER audit_is_not_deleted;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM server WHERE id = old.server_id AND left_at IS NOT NULL) BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are not deleted');
END;

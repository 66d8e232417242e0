-- People who have all deleted that is kept of them, and what of it is still to be removed.

-- `person_id` is Discord's, until the rows of the person are gone; what stays is its keyed hash (bot.database.pseudonyms).
-- What counts for the receipt is counted as it happens.
CREATE TABLE erasure (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER,
    pseudonym INTEGER NOT NULL CHECK (pseudonym < 0),
    state TEXT NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'clearing', 'complete')),
    by_operator INTEGER NOT NULL CHECK (by_operator IN (0, 1)),
    jobs INTEGER NOT NULL DEFAULT 0,
    pictures INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0,        -- that are gone
    unreachable INTEGER NOT NULL DEFAULT 0,     -- messages that the bot may not delete
    private_answers INTEGER NOT NULL DEFAULT 0, -- that the person alone sees, and nobody else can delete
    copies INTEGER NOT NULL DEFAULT 0,          -- of the database, made before its end
    copies_until INTEGER,                       -- when the last of them expires; NULL: nobody can tell
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    CHECK ((state = 'requested') = (person_id IS NOT NULL)),
    CHECK ((state = 'complete') = (finished_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX erasure_requested ON erasure (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX erasure_of_pseudonym ON erasure (pseudonym, id);
CREATE INDEX erasure_unfinished ON erasure (id) WHERE state <> 'complete';
CREATE INDEX erasure_by_end ON erasure (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE erasure_file (
    erasure_id INTEGER NOT NULL REFERENCES erasure (id) ON DELETE CASCADE,
    folder TEXT NOT NULL CHECK (folder IN ('pictures', 'inputs', 'spool')),
    path TEXT NOT NULL,                         -- relative to the folder
    PRIMARY KEY (erasure_id, folder, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE erasure_message (
    erasure_id INTEGER NOT NULL REFERENCES erasure (id) ON DELETE CASCADE,
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    PRIMARY KEY (erasure_id, channel_id, message_id)
) STRICT, WITHOUT ROWID;

-- Which drafts and studios start from a picture that is kept apart.
CREATE INDEX draft_by_input ON draft (wish ->> '$.image.sha256') WHERE wish ->> '$.image.sha256' IS NOT NULL;
CREATE INDEX studio_by_input ON studio (state ->> '$.wish.image.sha256')
    WHERE state ->> '$.wish.image.sha256' IS NOT NULL;
CREATE INDEX studio_by_previous_input ON studio (previous ->> '$.wish.image.sha256')
    WHERE previous ->> '$.wish.image.sha256' IS NOT NULL;

-- An entry stays as it was written, but for the ids of people who have all deleted: their keyed hash takes their place.
DROP TRIGGER audit_is_not_changed;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
WHEN new.id IS NOT old.id OR new.server_id IS NOT old.server_id OR new.action IS NOT old.action
    OR new.created_at IS NOT old.created_at
    OR NOT (new.actor_id = old.actor_id OR (old.actor_id > 0 AND new.actor_id < 0))
    OR NOT (new.person_id IS old.person_id OR (old.person_id > 0 AND new.person_id < 0))
    OR (new.target, new.changes) IS NOT (old.target, old.changes) AND NOT EXISTS (
        SELECT 1 FROM erasure
        WHERE person_id IS NOT NULL AND new.target = replace(old.target, person_id, pseudonym)
        AND new.changes = replace(old.changes, person_id, pseudonym)
    ) BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are not changed');
END;

-- A person's studio, stacks, defaults and history.

-- One draft per person. `previous` is what was there before the draft was filled from elsewhere, for going back once.
CREATE TABLE studio (
    person_id INTEGER PRIMARY KEY REFERENCES person (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (json_valid(state)),
    previous TEXT CHECK (json_valid(previous)),
    revision INTEGER NOT NULL DEFAULT 1,    -- grows with every change, so that a panel knows whether it is out of date
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE stack (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    name_key TEXT NOT NULL,                 -- the name folded
    code TEXT UNIQUE,                       -- by which others get a copy; NULL while it is not shared
    created_at INTEGER NOT NULL,
    UNIQUE (person_id, name_key)
) STRICT;

-- The version is named by its file, so that a stack means the same for whoever imports it.
CREATE TABLE stack_lora (
    stack_id INTEGER NOT NULL REFERENCES stack (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    name TEXT NOT NULL,                     -- as it was called when the stack was saved
    weight REAL NOT NULL,
    trigger_words TEXT CHECK (json_valid(trigger_words)),  -- those chosen; NULL: the usual ones
    PRIMARY KEY (stack_id, position)
) STRICT, WITHOUT ROWID;

-- Codes of stacks that were typed and are nobody's: who guesses is slowed down.
CREATE TABLE stack_miss (
    id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    missed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX stack_miss_by_time ON stack_miss (person_id, missed_at);

ALTER TABLE person ADD COLUMN locale TEXT;              -- as Discord told it last, for messages nobody asked for just now
ALTER TABLE person ADD COLUMN settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings));

-- rowid = job.id. Written by bot.database.jobs; bot.database.job_terms says which terms.
CREATE VIRTUAL TABLE job_text USING fts5 (prompt, checkpoint, loras, columnsize = 0);
INSERT INTO job_text (rowid, prompt, checkpoint, loras)
    SELECT id, searchable(person_id, request ->> '$.prompt'), searchable(person_id, checkpoint), searchable(person_id, (
        SELECT coalesce(group_concat(use.value ->> '$.name', ' '), '') FROM json_each(request, '$.loras') AS use
    )) FROM job;
CREATE TRIGGER job_text_removed AFTER DELETE ON job BEGIN
    DELETE FROM job_text WHERE rowid = old.id;
END;

-- Which jobs start from a picture that is kept apart: while one of them needs it, it stays.
CREATE INDEX job_by_input ON job (request ->> '$.image.sha256') WHERE request ->> '$.image.sha256' IS NOT NULL;

-- Whether the prompt stands under the picture and inside its file, for everybody who sees it; chosen when it is ordered.
ALTER TABLE delivery ADD COLUMN shows_prompt INTEGER NOT NULL DEFAULT 0 CHECK (shows_prompt IN (0, 1));

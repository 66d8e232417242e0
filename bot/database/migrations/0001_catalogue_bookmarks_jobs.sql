-- People, the catalogue of LoRAs, bookmarks, jobs and their pictures. Times are unix milliseconds.

CREATE TABLE person (
    id INTEGER PRIMARY KEY,                 -- Discord's snowflake
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE server (
    id INTEGER PRIMARY KEY,                 -- Discord's snowflake
    created_at INTEGER NOT NULL
) STRICT;

-- Hashing a checkpoint takes minutes: while its stamp is the same, so is its hash.
CREATE TABLE checkpoint (
    name TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    stamp TEXT NOT NULL,                    -- sizes and times of its files
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    base_model TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Written by bot.database.loras alone, which keeps lora_text and lora_name in step.
CREATE TABLE lora (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- an id once seen in Discord never comes to mean another LoRA
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    name_key TEXT NOT NULL UNIQUE,          -- the name folded, so that Komori and komori are one
    category TEXT NOT NULL CHECK (category IN ('character', 'style', 'pose', 'detail', 'other')),
    description TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX lora_by_age ON lora (created_at, id);
CREATE INDEX lora_by_category ON lora (category, created_at, id);
CREATE INDEX lora_by_category_and_name ON lora (category, name_key);

-- One file. A row whose file is gone stays, because pictures and stacks name its SHA-256.
CREATE TABLE lora_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    sha256 TEXT CHECK (length(sha256) = 64),
    name TEXT NOT NULL,
    path TEXT NOT NULL,                     -- relative to the library, with forward slashes
    found TEXT NOT NULL CHECK (json_valid(found)),
    base_model TEXT,
    evidence TEXT NOT NULL,                 -- name of the rung that decided: inference.lora.evidence.Source
    contradictions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(contradictions)),
    recommended_weight REAL,
    problem TEXT,
    missing INTEGER NOT NULL DEFAULT 0 CHECK (missing IN (0, 1)),
    created_at INTEGER NOT NULL,
    usable INTEGER GENERATED ALWAYS AS (missing = 0 AND problem IS NULL AND sha256 IS NOT NULL) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX lora_version_path ON lora_version (path) WHERE missing = 0;
CREATE UNIQUE INDEX lora_version_live ON lora_version (sha256) WHERE missing = 0 AND problem IS NULL;
CREATE INDEX lora_version_sha256 ON lora_version (sha256);
CREATE INDEX lora_version_of ON lora_version (lora_id, usable, base_model);
CREATE INDEX lora_version_base_model ON lora_version (base_model, usable, lora_id);
CREATE INDEX lora_version_missing ON lora_version (missing, problem);

CREATE TABLE trigger_word (
    version_id INTEGER NOT NULL REFERENCES lora_version (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    word TEXT NOT NULL,
    PRIMARY KEY (version_id, position)
) STRICT, WITHOUT ROWID;

-- rowid = lora.id. The first is for searching by word, the second for names that are nearly right.
CREATE VIRTUAL TABLE lora_text USING fts5 (
    name, trigger_words, description, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
);
CREATE VIRTUAL TABLE lora_name USING fts5 (name, tokenize = 'trigram', detail = 'none');

CREATE TABLE bookmark (
    id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    note TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    UNIQUE (person_id, lora_id)
) STRICT;
CREATE INDEX bookmark_by_age ON bookmark (person_id, created_at, id);
CREATE INDEX bookmark_of_lora ON bookmark (lora_id);

-- rowid = bookmark.id. The owner is a word of the index, so that a search reads one person's notes only.
CREATE VIRTUAL TABLE bookmark_text USING fts5 (
    owner, note, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE TRIGGER bookmark_added AFTER INSERT ON bookmark BEGIN
    INSERT INTO bookmark_text (rowid, owner, note) VALUES (new.id, 'p' || new.person_id, new.note);
END;
CREATE TRIGGER bookmark_noted AFTER UPDATE OF note ON bookmark BEGIN
    UPDATE bookmark_text SET note = new.note WHERE rowid = new.id;
END;
CREATE TRIGGER bookmark_removed AFTER DELETE ON bookmark BEGIN
    DELETE FROM bookmark_text WHERE rowid = old.id;
END;

CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    server_id INTEGER REFERENCES server (id) ON DELETE SET NULL,
    channel_id INTEGER NOT NULL,
    request TEXT NOT NULL CHECK (json_valid(request)),
    checkpoint TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    failure_code TEXT,
    failure_detail TEXT CHECK (json_valid(failure_detail)),
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),  -- grows with every start; a worker names the one it has
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    seconds REAL,
    peak_memory INTEGER,                    -- bytes
    CHECK ((state = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((failure_code IS NULL) = (failure_detail IS NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (state <> 'queued' OR started_at IS NULL)
) STRICT;
CREATE INDEX job_by_state ON job (state, id);
CREATE INDEX job_by_person ON job (person_id, id);
CREATE INDEX job_by_person_and_state ON job (person_id, state);
CREATE INDEX job_by_server ON job (server_id) WHERE server_id IS NOT NULL;

CREATE TABLE picture (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    position INTEGER NOT NULL CHECK (position >= 0),
    path TEXT NOT NULL,                     -- relative to the pictures folder, with forward slashes
    width INTEGER NOT NULL CHECK (width > 0),
    height INTEGER NOT NULL CHECK (height > 0),
    seed INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (job_id, position)
) STRICT;

CREATE TABLE picture_lora (
    picture_id INTEGER NOT NULL REFERENCES picture (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    name TEXT NOT NULL,                     -- as it was called when the picture was painted
    weight REAL NOT NULL,
    PRIMARY KEY (picture_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX picture_lora_by_file ON picture_lora (sha256, picture_id);

-- LoRAs and checkpoints that people add from outside, from the wish until the file is in the library or cannot be had.

-- `waiting`: it is to be fetched, or is being fetched, also after a crash. The row of a file that is here stays, and
-- tells where it comes from.
CREATE TABLE addition (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,                      -- the SHA-256 of the file, where its hub tells it, or else its address
    source TEXT NOT NULL,                   -- JSON: what its hub says of it (bot.sources.remote.RemoteVersion)
    path TEXT NOT NULL,                     -- where the file goes, relative to the library
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'added', 'failed', 'cancelled')),
    sha256 TEXT CHECK (length(sha256) = 64),  -- of the file that is here
    failure_code TEXT,
    failure_detail TEXT,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    CHECK ((state = 'added') = (sha256 IS NOT NULL)),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX addition_waiting ON addition (key) WHERE state = 'waiting';
CREATE INDEX addition_unfinished ON addition (id) WHERE state = 'waiting';
CREATE INDEX addition_by_file ON addition (sha256, id) WHERE sha256 IS NOT NULL;

-- Who wants it. However many ask for one file, it is fetched once.
CREATE TABLE addition_request (
    addition_id INTEGER NOT NULL REFERENCES addition (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    server_id INTEGER REFERENCES server (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),  -- whether they know how it ended
    PRIMARY KEY (addition_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX addition_request_of_person ON addition_request (person_id, created_at);
CREATE INDEX addition_request_of_server ON addition_request (server_id, created_at) WHERE server_id IS NOT NULL;
CREATE INDEX addition_request_untold ON addition_request (addition_id, person_id) WHERE told = 0;

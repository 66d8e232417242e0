-- What the queue must know of a job after a restart, how long things take here, and where no job is begun.

ALTER TABLE job ADD COLUMN weight REAL NOT NULL DEFAULT 1 CHECK (weight > 0);  -- its work counts for 1/weight
ALTER TABLE job ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0 CHECK (deaths >= 0);  -- workers that died at it

-- Said before a new message is posted, so that after a crash we know that one may be there, and where and since when.
ALTER TABLE delivery ADD COLUMN posting_in INTEGER;
ALTER TABLE delivery ADD COLUMN posting_at INTEGER;
ALTER TABLE delivery ADD COLUMN ticket TEXT;  -- opens the answer to the interaction after a restart; sealed

-- Measured here: seconds of one denoising step of so many pictures at once, and of all else that a job needs.
CREATE TABLE pace (
    checkpoint TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    pictures INTEGER NOT NULL CHECK (pictures > 0),
    step_seconds REAL NOT NULL CHECK (step_seconds >= 0),
    rest_seconds REAL NOT NULL CHECK (rest_seconds >= 0),
    PRIMARY KEY (checkpoint, width, height, pictures)
) STRICT, WITHOUT ROWID;
CREATE TABLE load_time (
    checkpoint TEXT PRIMARY KEY,
    seconds REAL NOT NULL CHECK (seconds >= 0)
) STRICT, WITHOUT ROWID;

-- Where nothing new is begun; server 0 is everywhere.
CREATE TABLE pause (
    server_id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL,             -- who said so
    created_at INTEGER NOT NULL
) STRICT;

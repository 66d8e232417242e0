-- Perceptual hashes of pictures, and the takedowns that people who are shown in pictures ask an operator for.

CREATE TABLE picture_hash (
    picture_id INTEGER PRIMARY KEY REFERENCES picture (id) ON DELETE CASCADE,
    hash BLOB NOT NULL                      -- empty for a file that cannot be read
) STRICT;

-- `open`: staff look at what was found; `confirmed`: what they confirmed is being removed; `closed`: nothing is removed
-- any more, and the hash is forgotten. Of a case that is confirmed or complete the hash stays, so that no copy comes back.
CREATE TABLE takedown_case (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'confirmed', 'complete', 'closed')),
    note TEXT NOT NULL,                     -- such as the number of the operator's own ticket
    hashes BLOB NOT NULL,                   -- of the pictures of the notice, whole and cropped
    received_at INTEGER NOT NULL,           -- when the notice came; 48 hours later it is due
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    refused INTEGER NOT NULL DEFAULT 0,     -- copies that were refused later
    alerts INTEGER NOT NULL DEFAULT 0,      -- how often operators were told that it is soon due
    CHECK ((state IN ('complete', 'closed')) = (ended_at IS NOT NULL))
) STRICT;
CREATE INDEX takedown_case_unfinished ON takedown_case (received_at) WHERE state IN ('open', 'confirmed');
CREATE INDEX takedown_case_kept ON takedown_case (id) WHERE state IN ('confirmed', 'complete');

CREATE TABLE takedown_copy (
    case_id INTEGER NOT NULL REFERENCES takedown_case (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,                -- by which staff name it
    kind TEXT NOT NULL CHECK (kind IN ('picture', 'input', 'sample', 'preview')),
    path TEXT NOT NULL,                     -- relative to the folder of its kind
    job_id INTEGER,                         -- of a picture; no foreign key: the row outlives the job, which is deleted
    distance REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'found' CHECK (state IN ('found', 'excepted', 'confirmed', 'removed')),
    PRIMARY KEY (case_id, number),
    UNIQUE (case_id, kind, path),
    CHECK ((kind = 'picture') = (job_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX takedown_copy_of_job ON takedown_copy (job_id) WHERE job_id IS NOT NULL;

-- Where a result went, wishes that a button will take up again, and what the program remembers for itself.

-- No interaction token is kept: it is a secret, and after its fifteen minutes it is worth nothing.
CREATE TABLE delivery (
    job_id INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'undeliverable')),
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    message_id INTEGER,                     -- the message that tells of the job, once it is known
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX delivery_by_state ON delivery (state, job_id);

CREATE TABLE draft (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- an id once seen on a button never comes to mean another wish
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    wish TEXT NOT NULL CHECK (json_valid(wish)),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX draft_by_age ON draft (created_at);
CREATE INDEX draft_of_person ON draft (person_id);

CREATE TABLE memo (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

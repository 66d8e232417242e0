-- Reports of pictures and LoRAs, what was decided about them, and appeals.

-- Job and LoRA are no foreign keys: a report outlives them. `owner_id` is the keyed hash of somebody who has all deleted.
CREATE TABLE report (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL,             -- whose staff decide; 0: the operators
    kind TEXT NOT NULL CHECK (kind IN ('pictures', 'lora')),
    target_id INTEGER NOT NULL,             -- of the job or the LoRA
    owner_id INTEGER,                       -- who ordered the pictures; NULL: a LoRA is nobody's
    shared INTEGER NOT NULL CHECK (shared IN (0, 1)),  -- whether operators see it
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'decided', 'appealed')),
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,    -- grows with each change
    shown INTEGER NOT NULL DEFAULT 0,       -- the revision that the message to staff shows
    channel_id INTEGER,                     -- of that message
    message_id INTEGER,
    posting_at INTEGER                      -- since then it may have been posted; NULL: it was not
) STRICT;
CREATE UNIQUE INDEX report_open ON report (kind, target_id, server_id) WHERE state = 'open';
CREATE INDEX report_by_subject ON report (kind, target_id, server_id, id);
CREATE INDEX report_of_server ON report (server_id, id) WHERE state <> 'decided';
CREATE INDEX report_shared ON report (id) WHERE state <> 'decided' AND shared = 1;
CREATE INDEX report_unshown ON report (id) WHERE shown < revision;
CREATE INDEX report_of_owner ON report (owner_id, server_id) WHERE owner_id IS NOT NULL;

-- Who reported it. Each person counts once; further people join the open report.
CREATE TABLE report_by (
    report_id INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (report_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_by_person ON report_by (person_id, created_at);

-- It is written down before it is carried out; the steps are written down together with it.
CREATE TABLE decision (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    report_id INTEGER NOT NULL UNIQUE REFERENCES report (id) ON DELETE CASCADE,
    action TEXT NOT NULL CHECK (action IN ('hide', 'warn', 'block', 'delete', 'rate', 'dismiss')),
    rating TEXT,                            -- what it is rated, if that is decided
    rating_before TEXT,                     -- what the same people had rated it before
    ends_at INTEGER,                        -- of a block
    note TEXT NOT NULL,                     -- what the owner reads
    decided_by INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    told_at INTEGER                         -- NULL until the owner knows, or for ever if nobody is to be told
) STRICT;

CREATE TABLE decision_step (
    decision_id INTEGER NOT NULL REFERENCES decision (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    step TEXT NOT NULL,
    begun_at INTEGER,                       -- since then it may have happened
    done_at INTEGER,
    PRIMARY KEY (decision_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_step_to_do ON decision_step (decision_id, position) WHERE done_at IS NULL;

CREATE TABLE appeal (
    decision_id INTEGER PRIMARY KEY REFERENCES decision (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'upheld', 'reversed')),
    answered_by INTEGER,
    answered_at INTEGER,
    told_at INTEGER,                        -- NULL until the person knows the answer
    CHECK ((state = 'open') = (answered_by IS NULL)),
    CHECK ((answered_by IS NULL) = (answered_at IS NULL))
) STRICT;
CREATE INDEX appeal_of_person ON appeal (person_id);

-- Files of pictures with an open report are held, for a time, when their owner deletes all.
ALTER TABLE erasure_file ADD COLUMN report_id INTEGER;
CREATE INDEX erasure_file_held ON erasure_file (report_id) WHERE report_id IS NOT NULL;

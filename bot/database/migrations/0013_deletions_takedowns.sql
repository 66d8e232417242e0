-- Pictures that their owner deletes, and pictures that staff take down in their server.

-- What a deletion still has to remove. It is written together with the removal of the rows, so that after a crash the
-- picture is either there or goes entirely. It outlives the job.
CREATE TABLE deletion (
    job_id INTEGER PRIMARY KEY,
    paths TEXT NOT NULL CHECK (json_valid(paths)),  -- relative to the pictures folder
    channel_id INTEGER,                     -- of the message that shows the pictures, if one was delivered
    message_id INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE takedown (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,  -- the picture's owner
    created_at INTEGER NOT NULL,
    told_at INTEGER,                        -- NULL until the owner is told
    notice_id INTEGER,                      -- the direct message that tells them, if it was one
    PRIMARY KEY (job_id, server_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX takedown_of_person ON takedown (person_id, told_at);

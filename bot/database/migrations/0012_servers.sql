-- What staff decide for their server and what they have decided, and what people have ordered on each day.

CREATE TABLE server_settings (
    server_id INTEGER PRIMARY KEY REFERENCES server (id) ON DELETE CASCADE,
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE server_limit (
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    holder TEXT NOT NULL CHECK (holder IN ('server', 'everybody', 'newcomers', 'role', 'person')),
    holder_id INTEGER NOT NULL,             -- Discord's id of the role or the person, else 0
    name TEXT NOT NULL DEFAULT '',          -- as the role was called when the limit was set
    limits TEXT NOT NULL CHECK (json_valid(limits)),
    PRIMARY KEY (server_id, holder, holder_id)
) STRICT, WITHOUT ROWID;

-- Server 0 is everywhere: an operator's block. Neither person nor LoRA need a row here: a block outlives both.
CREATE TABLE block (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- an id once seen on a button never comes to mean another block
    server_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'lora')),
    target_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    ends_at INTEGER,                        -- NULL: it has no end
    created_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (server_id, kind, target_id)
) STRICT;

CREATE TABLE base_model_proposal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    name TEXT NOT NULL,                     -- as the LoRA was called
    base_model TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'confirmed', 'rejected')),
    proposed_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    decided_by INTEGER,
    decided_at INTEGER,
    CHECK ((state = 'open') = (decided_by IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL))
) STRICT;
CREATE INDEX base_model_proposal_by_state ON base_model_proposal (state, id);
CREATE UNIQUE INDEX base_model_proposal_open ON base_model_proposal (sha256, base_model) WHERE state = 'open';

-- Who changed what. Nobody changes or deletes an entry, also not by a mistake of ours.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL,             -- 0: everywhere
    actor_id INTEGER NOT NULL,
    action TEXT NOT NULL,
    person_id INTEGER,                      -- the person concerned, if there is one
    target TEXT NOT NULL,                   -- what it was done to, for people
    changes TEXT NOT NULL CHECK (json_valid(changes)),  -- by field: [before, after]
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (server_id, created_at);
CREATE INDEX audit_by_actor ON audit (server_id, actor_id, created_at);
CREATE INDEX audit_by_person ON audit (server_id, person_id, created_at) WHERE person_id IS NOT NULL;
CREATE INDEX audit_by_action ON audit (server_id, action, created_at);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are not changed');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are not deleted');
END;

-- What a job costs of the day's quotas, and what was known of its person when it was ordered.
CREATE TABLE job_order (
    job_id INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    pictures INTEGER NOT NULL CHECK (pictures >= 0),
    pixel_steps INTEGER NOT NULL CHECK (pixel_steps >= 0),
    fingerprint TEXT NOT NULL,              -- of the request without its seed
    context TEXT CHECK (json_valid(context))  -- NULL: it was ordered without a check
) STRICT;
CREATE INDEX job_by_person_and_server ON job (person_id, server_id);  -- and by id, as every index

-- Sums by the day (UTC) of the order; of jobs that failed or were cancelled nothing counts. Triggers keep them.
CREATE TABLE daily_usage (
    day INTEGER NOT NULL,                   -- unix time / 86,400,000 ms
    person_id INTEGER NOT NULL,             -- 0: everybody in the server
    server_id INTEGER NOT NULL,             -- 0: outside of servers
    pictures INTEGER NOT NULL,
    pixel_steps INTEGER NOT NULL,
    PRIMARY KEY (day, person_id, server_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER job_order_counted AFTER INSERT ON job_order BEGIN
    INSERT INTO daily_usage (day, person_id, server_id, pictures, pixel_steps)
        SELECT created_at / 86400000, value, coalesce(server_id, 0), new.pictures, new.pixel_steps
        FROM job, json_each(json_array(person_id, 0))
        WHERE job.id = new.job_id AND state NOT IN ('failed', 'cancelled')
        ON CONFLICT (day, person_id, server_id) DO UPDATE
        SET pictures = pictures + excluded.pictures, pixel_steps = pixel_steps + excluded.pixel_steps;
END;
CREATE TRIGGER job_order_returned AFTER UPDATE OF state ON job
WHEN new.state IN ('failed', 'cancelled') AND old.state NOT IN ('failed', 'cancelled') BEGIN
    UPDATE daily_usage
        SET pictures = daily_usage.pictures - job_order.pictures,
            pixel_steps = daily_usage.pixel_steps - job_order.pixel_steps
        FROM job_order
        WHERE job_order.job_id = new.id AND day = new.created_at / 86400000
        AND person_id IN (new.person_id, 0) AND server_id = coalesce(new.server_id, 0);
END;

-- What was said of the pictures of a job after they were painted: for whom they are.

CREATE TABLE job_rating (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL,             -- in which it counts; 0: everywhere
    source TEXT NOT NULL CHECK (source IN ('staff', 'operator', 'classifier')),
    rating TEXT NOT NULL CHECK (rating IN ('general', 'teen', 'mature', 'explicit', 'blocked')),
    rated_at INTEGER NOT NULL,
    CHECK ((source = 'staff') = (server_id <> 0)),
    PRIMARY KEY (job_id, server_id, source)
) STRICT, WITHOUT ROWID;

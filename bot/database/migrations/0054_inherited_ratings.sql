-- A copy of a rated picture inherits the rating, and loses it when the decision is reversed.

DROP TRIGGER publication_job_rated;
DROP TRIGGER publication_job_rated_anew;
DROP TRIGGER publication_job_unrated;
CREATE TEMP TABLE rated AS SELECT * FROM job_rating;
DROP TABLE job_rating;
CREATE TABLE job_rating (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL,             -- in which it counts; 0: everywhere
    source TEXT NOT NULL CHECK (source IN ('staff', 'operator', 'classifier')),
    verdict INTEGER NOT NULL DEFAULT 0,     -- the `source` of the verdict that it was inherited from; 0: its own
    rating TEXT NOT NULL CHECK (rating IN ('general', 'teen', 'mature', 'explicit', 'blocked')),
    rated_at INTEGER NOT NULL,
    CHECK ((source = 'staff') = (server_id <> 0)),
    PRIMARY KEY (job_id, server_id, source, verdict)
) STRICT, WITHOUT ROWID;
INSERT INTO job_rating (job_id, server_id, source, rating, rated_at)
SELECT job_id, server_id, source, rating, rated_at FROM rated;
DROP TABLE rated;
CREATE INDEX job_rating_of_verdict ON job_rating (verdict) WHERE verdict <> 0;

CREATE TRIGGER publication_job_rated AFTER INSERT ON job_rating BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE job_id = new.job_id;
END;
CREATE TRIGGER publication_job_rated_anew AFTER UPDATE ON job_rating BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE job_id = new.job_id;
END;
CREATE TRIGGER publication_job_unrated AFTER DELETE ON job_rating BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE job_id = old.job_id;
END;

-- What was decided about pictures, by their perceptual hashes. A verdict outlives the file, the job and its owner.

-- A row names neither person nor job. `source` is a keyed hash of the report, by which a reversal finds the row.
CREATE TABLE picture_verdict (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL,             -- where it applies; 0: everywhere
    reason TEXT NOT NULL CHECK (reason IN ('reported', 'hidden', 'deleted', 'rated')),
    rating TEXT CHECK (rating IN ('general', 'teen', 'mature', 'explicit', 'blocked')),
    source INTEGER,                         -- NULL: staff took the picture down without a report
    hash BLOB NOT NULL CHECK (length(hash) > 0),
    created_at INTEGER NOT NULL,
    CHECK ((reason = 'rated') = (rating IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX picture_verdict_once ON picture_verdict (hash, server_id, ifnull(source, 0));
CREATE INDEX picture_verdict_of_source ON picture_verdict (source) WHERE source IS NOT NULL;
CREATE INDEX picture_verdict_in_force ON picture_verdict (id) WHERE reason <> 'reported';
CREATE INDEX picture_verdict_of_server ON picture_verdict (server_id);

-- A copy that is painted later is hidden too: `report_id` is then the verdict's `source`, which is negative.
CREATE INDEX takedown_of_copy ON takedown (report_id) WHERE report_id < 0;

-- Finds the picture of which somebody uploads the very same one.
CREATE INDEX picture_hash_by_hash ON picture_hash (hash);

-- Entries for the record beside the database (bot.database.record_of_removals): a copy of the database that is restored
-- later learns from them what was erased and decided since. They are deleted once they are in the record's file.
CREATE TABLE record_entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    entry TEXT NOT NULL CHECK (json_valid(entry))
) STRICT;

CREATE TRIGGER record_erasure AFTER INSERT ON erasure BEGIN
    INSERT INTO record_entry (entry)
    VALUES (json_object('kind', 'erasure', 'person', new.pseudonym, 'at', new.created_at));
END;

CREATE TRIGGER record_verdict AFTER INSERT ON picture_verdict WHEN new.reason <> 'reported' BEGIN
    INSERT INTO record_entry (entry) VALUES (json_object(
        'kind', 'verdict', 'server', new.server_id, 'reason', new.reason, 'rating', new.rating,
        'source', new.source, 'hash', hex(new.hash), 'at', new.created_at
    ));
END;
CREATE TRIGGER record_decided_verdict AFTER UPDATE ON picture_verdict WHEN new.reason <> 'reported' BEGIN
    INSERT INTO record_entry (entry) VALUES (json_object(
        'kind', 'verdict', 'server', new.server_id, 'reason', new.reason, 'rating', new.rating,
        'source', new.source, 'hash', hex(new.hash), 'at', new.created_at
    ));
END;
CREATE TRIGGER record_end_of_verdict AFTER DELETE ON picture_verdict WHEN old.reason <> 'reported' BEGIN
    INSERT INTO record_entry (entry) VALUES (json_object(
        'kind', 'verdict ended', 'server', old.server_id, 'source', old.source
    ));
END;

-- Of a takedown case the note stays here: people write into it what they like.
CREATE TRIGGER record_case AFTER UPDATE OF state ON takedown_case WHEN new.state <> old.state BEGIN
    INSERT INTO record_entry (entry) VALUES (json_object(
        'kind', 'case', 'state', new.state, 'hashes', hex(new.hashes), 'received', new.received_at,
        'created', new.created_at
    ));
END;
CREATE TRIGGER record_copy AFTER UPDATE OF state ON takedown_copy WHEN new.state = 'confirmed' BEGIN
    INSERT INTO record_entry (entry)
    SELECT json_object('kind', 'copy', 'hash', hex(hash), 'received', received_at, 'created', takedown_case.created_at)
    FROM takedown_case, picture JOIN picture_hash ON picture_id = picture.id
    WHERE takedown_case.id = new.case_id AND job_id = new.job_id AND path = new.path AND length(hash) > 0;
END;

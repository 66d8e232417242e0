-- Pictures that people publish in the art channels of a server, who likes them, and what staff feature.

-- The order of content ratings, so that statements can compare them (inference.content_rating).
CREATE TABLE rating_level (
    rating TEXT PRIMARY KEY,
    level INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO rating_level (rating, level)
    VALUES ('general', 0), ('teen', 1), ('mature', 2), ('explicit', 3), ('blocked', 4);

-- One picture of a job in an art channel. `pending`: it is to be posted, or was, and nobody knows; `posted`: its message
-- is known; `removing`: the message is to be deleted, and then the row. It outlives the job until then.
CREATE TABLE publication (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- an id once seen on a button never comes to mean another picture
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    job_id INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),  -- of the picture in its job
    person_id INTEGER REFERENCES person (id) ON DELETE SET NULL,
    art_channel_id INTEGER NOT NULL,        -- text channel, thread or forum
    channel_id INTEGER,                     -- of the message: the art channel, or the post in a forum
    message_id INTEGER,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'posted', 'removing')),
    tried_at INTEGER,                       -- when a request to post it was sent the last time; NULL: never
    shows_prompt INTEGER NOT NULL CHECK (shows_prompt IN (0, 1)),
    checkpoint TEXT NOT NULL,
    base_model TEXT,                        -- of the checkpoint
    said_level INTEGER,                     -- what prompt and source picture were rated; NULL: they say nothing
    level INTEGER NOT NULL DEFAULT -1,      -- the highest known rating but for the checkpoint's; -1: none is known
    unrated INTEGER NOT NULL DEFAULT 0 CHECK (unrated IN (0, 1)),  -- whether a LoRA of it has no rating
    likes INTEGER NOT NULL DEFAULT 0,
    recent_likes INTEGER NOT NULL DEFAULT 0,  -- of the last days (bot.database.likes)
    shown_likes INTEGER NOT NULL DEFAULT 0,   -- the number in the message
    shown_at INTEGER NOT NULL DEFAULT 0,      -- when the message was brought up to date
    created_at INTEGER NOT NULL,
    UNIQUE (server_id, job_id, position),
    CHECK ((channel_id IS NULL) = (message_id IS NULL)),
    CHECK (state <> 'posted' OR message_id IS NOT NULL)
) STRICT;
CREATE INDEX publication_newest ON publication (server_id, id) WHERE state = 'posted';
CREATE INDEX publication_most_liked ON publication (server_id, recent_likes, id)
    WHERE state = 'posted' AND recent_likes > 0;
CREATE INDEX publication_of_job ON publication (job_id);
CREATE INDEX publication_of_person ON publication (person_id);
CREATE INDEX publication_by_message ON publication (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX publication_unsettled ON publication (id) WHERE state <> 'posted';
CREATE INDEX publication_to_refresh ON publication (shown_at) WHERE state = 'posted' AND likes <> shown_likes;

CREATE TABLE publication_lora (
    publication_id INTEGER NOT NULL REFERENCES publication (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    PRIMARY KEY (publication_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX publication_lora_by_file ON publication_lora (sha256);

-- rowid = publication.id, of posted ones alone. `facets` has one word for the server and for each property by which the
-- gallery is narrowed down (bot.database.gallery); `words` those of the prompt, if it is shown, of checkpoint and LoRAs.
CREATE VIRTUAL TABLE publication_text USING fts5 (facets, words, columnsize = 0, prefix = '1 2 3');

CREATE TABLE publication_like (
    publication_id INTEGER NOT NULL REFERENCES publication (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    liked_at INTEGER NOT NULL,
    recent INTEGER NOT NULL DEFAULT 1 CHECK (recent IN (0, 1)),  -- whether it is one of `recent_likes`
    PRIMARY KEY (publication_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX publication_like_of_person ON publication_like (person_id);
CREATE INDEX publication_like_recent ON publication_like (liked_at) WHERE recent = 1;

-- What the pictures of a server say of a LoRA file; `trend` is that of bot.database.uses, of publications and likes.
CREATE TABLE lora_in_server (
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    publications INTEGER NOT NULL,
    likes INTEGER NOT NULL,
    trend REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (server_id, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE feature (
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('lora', 'publication')),
    target_id INTEGER NOT NULL,
    featured_by INTEGER NOT NULL,
    featured_at INTEGER NOT NULL,
    PRIMARY KEY (server_id, kind, target_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX feature_by_target ON feature (kind, target_id);
CREATE TRIGGER lora_not_featured AFTER DELETE ON lora BEGIN
    DELETE FROM feature WHERE kind = 'lora' AND target_id = old.id;
END;

-- The message of an art channel that shows what is newest and featured there. It is edited, not posted again.
CREATE TABLE board (
    channel_id INTEGER PRIMARY KEY,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    message_channel_id INTEGER,             -- the art channel, or the post in a forum
    message_id INTEGER,                     -- NULL: it is to be posted, or was, and nobody knows
    digest TEXT NOT NULL DEFAULT '',        -- of what the message shows
    edited_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX board_of_server ON board (server_id);

-- Ratings. Here stands what a publication is rated; the triggers below only say when it may have changed.
CREATE VIEW publication_rating AS
SELECT publication.id AS id,
    max(
        coalesce(said_level, -1),
        coalesce((
            SELECT max(rating_level.level) FROM publication_lora
            JOIN lora_version ON lora_version.sha256 = publication_lora.sha256
            JOIN lora ON lora.id = lora_version.lora_id
            JOIN rating_level ON rating_level.rating = lora.content_rating
            WHERE publication_lora.publication_id = publication.id
        ), -1),
        coalesce((
            SELECT max(rating_level.level) FROM job_rating JOIN rating_level USING (rating)
            WHERE job_rating.job_id = publication.job_id AND job_rating.server_id IN (0, publication.server_id)
        ), -1)
    ) AS level,
    EXISTS (
        SELECT 1 FROM publication_lora WHERE publication_lora.publication_id = publication.id AND NOT EXISTS (
            SELECT 1 FROM lora_version JOIN lora ON lora.id = lora_version.lora_id
            WHERE lora_version.sha256 = publication_lora.sha256 AND lora.content_rating IS NOT NULL
        )
    ) AS unrated
FROM publication;

CREATE TRIGGER publication_lora_added AFTER INSERT ON publication_lora BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE id = new.publication_id;
END;
CREATE TRIGGER publication_added AFTER INSERT ON publication BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE id = new.id;
END;
CREATE TRIGGER publication_lora_rated AFTER UPDATE OF content_rating ON lora
WHEN old.content_rating IS NOT new.content_rating BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE id IN (
        SELECT publication_id FROM publication_lora
        WHERE sha256 IN (SELECT sha256 FROM lora_version WHERE lora_id = new.id)
    );
END;
CREATE TRIGGER publication_lora_found AFTER INSERT ON lora_version BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE id IN (SELECT publication_id FROM publication_lora WHERE sha256 = new.sha256);
END;
CREATE TRIGGER publication_lora_moved AFTER UPDATE OF lora_id, sha256 ON lora_version
WHEN old.lora_id <> new.lora_id OR old.sha256 IS NOT new.sha256 BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE id IN (SELECT publication_id FROM publication_lora WHERE sha256 IN (old.sha256, new.sha256));
END;
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

-- A picture that is deleted disappears from the gallery at once; its message follows.
CREATE TRIGGER publication_of_deleted_picture AFTER DELETE ON picture BEGIN
    UPDATE publication SET state = 'removing'
    WHERE job_id = old.job_id AND position = old.position AND state <> 'removing';
END;

-- Counts.
CREATE TRIGGER publication_posted AFTER UPDATE OF state ON publication
WHEN new.state = 'posted' AND old.state <> 'posted' BEGIN
    INSERT INTO lora_in_server (server_id, sha256, publications, likes)
        SELECT new.server_id, sha256, 1, new.likes FROM publication_lora WHERE publication_id = new.id
        ON CONFLICT (server_id, sha256) DO UPDATE
        SET publications = publications + 1, likes = likes + excluded.likes;
END;
CREATE TRIGGER publication_taken_back AFTER UPDATE OF state ON publication
WHEN old.state = 'posted' AND new.state <> 'posted' BEGIN
    DELETE FROM publication_text WHERE rowid = old.id;
    DELETE FROM feature WHERE kind = 'publication' AND target_id = old.id;
    UPDATE lora_in_server SET publications = publications - 1, likes = likes - new.likes
        WHERE server_id = new.server_id
        AND sha256 IN (SELECT sha256 FROM publication_lora WHERE publication_id = new.id);
END;
-- With its server, which takes its counts along.
CREATE TRIGGER publication_forgotten BEFORE DELETE ON publication WHEN old.state = 'posted' BEGIN
    DELETE FROM publication_text WHERE rowid = old.id;
END;
CREATE TRIGGER publication_liked AFTER INSERT ON publication_like BEGIN
    UPDATE publication SET likes = likes + 1, recent_likes = recent_likes + new.recent WHERE id = new.publication_id;
END;
CREATE TRIGGER publication_like_aged AFTER UPDATE OF recent ON publication_like WHEN new.recent <> old.recent BEGIN
    UPDATE publication SET recent_likes = recent_likes + new.recent - old.recent WHERE id = new.publication_id;
END;
CREATE TRIGGER publication_unliked AFTER DELETE ON publication_like BEGIN
    UPDATE publication SET likes = likes - 1, recent_likes = recent_likes - old.recent WHERE id = old.publication_id;
END;
CREATE TRIGGER publication_likes_counted AFTER UPDATE OF likes ON publication
WHEN new.state = 'posted' AND old.state = 'posted' BEGIN
    UPDATE lora_in_server SET likes = likes + new.likes - old.likes
        WHERE server_id = new.server_id
        AND sha256 IN (SELECT sha256 FROM publication_lora WHERE publication_id = new.id);
END;

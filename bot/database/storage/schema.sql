-- The tables of Easel's first release. Later changes are migrations (bot.database.migrate).
--
-- Times are unix milliseconds (UTC). Ids of people, servers, channels and messages are Discord's. The negative id of a
-- person is the keyed hash of a person who deleted all data (bot.database.pseudonyms). AUTOINCREMENT protects ids that
-- are on buttons: they never get another meaning. FTS tables hold words in the form of bot.database.search.

-- People and servers

CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    locale TEXT,                            -- the last one that Discord reported: the language of direct messages
    settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings))
) STRICT;

CREATE TABLE server (
    id INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    left_at INTEGER                         -- when the server removed the bot; NULL: the bot is a member
) STRICT;
CREATE INDEX server_left ON server (left_at) WHERE left_at IS NOT NULL;

-- Messages that name a person and belong to no job: posted codes of stacks, results of expired jobs, expired reports.
CREATE TABLE posted_message (
    message_id INTEGER NOT NULL, channel_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, message_id)
) STRICT, WITHOUT ROWID;

-- Small values that Easel stores for itself.
CREATE TABLE memo (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- The random id of this database: two installations that share a bot never send the same nonce.
INSERT INTO memo (key, value) VALUES ('installation', lower(hex(randomblob(16))));

-- The library

-- One entry of the library. bot.database.loras.records writes it and keeps lora_text and lora_name in step.
CREATE TABLE lora (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    name_key TEXT NOT NULL UNIQUE,          -- the casefolded name: Komori and komori are the same entry
    category TEXT NOT NULL CHECK (category IN ('character', 'style', 'pose', 'detail', 'other')),
    description TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    added_by INTEGER REFERENCES person (id) ON DELETE SET NULL,  -- NULL: the operator
    uses INTEGER NOT NULL DEFAULT 0,        -- number of succeeded jobs, of all users
    trend REAL NOT NULL DEFAULT 0,          -- log2 of the sum of 2^(t/half-life) over the uses: it needs no upkeep
    -- Sum and number of all ratings, and their Bayesian average: five imagined users gave three stars each.
    stars INTEGER NOT NULL DEFAULT 0, ratings INTEGER NOT NULL DEFAULT 0,
    score REAL GENERATED ALWAYS AS ((stars + 15.0) / (ratings + 5.0)) VIRTUAL,
    content_rating TEXT CHECK (content_rating IN ('general', 'teen', 'mature', 'explicit', 'blocked')),  -- NULL: none
    content_rating_by INTEGER,              -- the operator who rated it; NULL: the rating is from its sidecars
    indexed INTEGER NOT NULL DEFAULT 0 CHECK (indexed IN (0, 1))  -- 0: the next scan updates its row in lora_text
) STRICT;
CREATE INDEX lora_by_uses ON lora (uses, id);
CREATE INDEX lora_by_trend ON lora (trend, id);
CREATE INDEX lora_by_score ON lora (score, id);
CREATE INDEX lora_by_adder ON lora (added_by) WHERE added_by IS NOT NULL;
CREATE INDEX lora_by_content_rating ON lora (content_rating) WHERE content_rating IS NOT NULL;
CREATE INDEX lora_by_content_rater ON lora (content_rating_by) WHERE content_rating_by IS NOT NULL;
CREATE INDEX lora_waiting ON lora (id) WHERE indexed = 0;

-- One file. The row stays when the file is lost, because pictures and stacks name its SHA-256.
CREATE TABLE lora_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    sha256 TEXT CHECK (length(sha256) = 64),
    name TEXT NOT NULL,
    path TEXT NOT NULL,                     -- relative to the library, with forward slashes
    found TEXT NOT NULL CHECK (json_valid(found)),  -- the result of the scan (inference.lora.library)
    base_model TEXT,
    evidence TEXT NOT NULL,                 -- inference.lora.evidence.Source: what determined the base model
    contradictions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(contradictions)),
    prediction TEXT CHECK (json_valid(prediction)),  -- PredictionEvidence; NULL: unknown
    allowed_on TEXT CHECK (json_valid(allowed_on)),  -- further base models that the operator allows; NULL: none
    few_steps TEXT CHECK (json_valid(few_steps)),  -- inference.lora.few_steps.FewSteps; NULL: an ordinary LoRA
    recommended_weight REAL,
    problem TEXT,
    missing INTEGER NOT NULL DEFAULT 0 CHECK (missing IN (0, 1)),
    created_at INTEGER NOT NULL,
    usable INTEGER GENERATED ALWAYS AS (missing = 0 AND problem IS NULL AND sha256 IS NOT NULL) VIRTUAL,
    autov3 TEXT GENERATED ALWAYS AS (json_extract(found, '$.autov3')) VIRTUAL,  -- the hash that other programs write
    -- The file's name without folder and `.safetensors`: other programs' pictures name a LoRA by it.
    stem TEXT COLLATE NOCASE GENERATED ALWAYS AS (
        substr(path, length(rtrim(path, replace(path, '/', ''))) + 1,
            length(path) - length(rtrim(path, replace(path, '/', ''))) - length('.safetensors'))
    ) VIRTUAL,
    sampled INTEGER NOT NULL DEFAULT 0 CHECK (sampled IN (0, 1)),
    sample_tries INTEGER NOT NULL DEFAULT 0 CHECK (sample_tries >= 0),  -- after a few tries Easel gives up
    measured INTEGER NOT NULL DEFAULT 0 CHECK (measured IN (0, 1)),  -- 1 without a weight_range: weights do nothing
    measure_tries INTEGER NOT NULL DEFAULT 0 CHECK (measure_tries >= 0)
) STRICT;
CREATE UNIQUE INDEX lora_version_path ON lora_version (path) WHERE missing = 0;
CREATE UNIQUE INDEX lora_version_live ON lora_version (sha256) WHERE missing = 0 AND problem IS NULL;
CREATE INDEX lora_version_sha256 ON lora_version (sha256);
CREATE INDEX lora_version_of ON lora_version (lora_id, usable, base_model);
CREATE INDEX lora_version_base_model ON lora_version (base_model, usable, lora_id);
CREATE INDEX lora_version_missing ON lora_version (missing, problem);
CREATE INDEX lora_version_autov3 ON lora_version (autov3) WHERE autov3 IS NOT NULL;
CREATE INDEX lora_version_stem ON lora_version (stem) WHERE usable = 1;
CREATE INDEX lora_version_to_sample ON lora_version (base_model, sample_tries, id DESC)
    WHERE sampled = 0 AND usable = 1;
CREATE INDEX lora_version_to_measure ON lora_version (base_model, measure_tries, id DESC)
    WHERE measured = 0 AND usable = 1;

-- One row is one trigger word, or several that belong together, joined by commas. A sidecar may give the row a name.
CREATE TABLE trigger_word (
    version_id INTEGER NOT NULL REFERENCES lora_version (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    word TEXT NOT NULL, name TEXT,
    PRIMARY KEY (version_id, position)
) STRICT, WITHOUT ROWID;

-- rowid = lora.id. `whole` has the name and each trigger word without spaces. `facets` has one word for each property
-- that lists filter by. Words of both begin with letters that nobody types.
CREATE VIRTUAL TABLE lora_text USING fts5 (
    name, trigger_words, whole, description, facets,
    tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3 4 5 6'
);
-- rowid = lora.id. It finds names with typos.
CREATE VIRTUAL TABLE lora_name USING fts5 (name, tokenize = 'trigram', detail = 'none');

-- All words of names and trigger words. Two words that differ by one typo share a key. Unused words may stay.
CREATE TABLE word (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE word_key (
    key INTEGER NOT NULL,
    word_id INTEGER NOT NULL REFERENCES word (id) ON DELETE CASCADE,
    PRIMARY KEY (key, word_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX word_key_of ON word_key (word_id);

-- Tags that filter a category: photography, lighting, colour, camera. `category` is the entry's.
CREATE TABLE lora_tag (
    category TEXT NOT NULL, tag TEXT NOT NULL,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    PRIMARY KEY (category, tag, lora_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lora_tag_of ON lora_tag (lora_id);

CREATE TABLE tag (
    category TEXT NOT NULL, tag TEXT NOT NULL,
    loras INTEGER NOT NULL,                 -- number of entries with this tag
    PRIMARY KEY (category, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_by_loras ON tag (category, loras);
CREATE TRIGGER lora_tagged AFTER INSERT ON lora_tag BEGIN
    INSERT INTO tag (category, tag, loras) VALUES (new.category, new.tag, 1)
    ON CONFLICT (category, tag) DO UPDATE SET loras = loras + 1;
END;
CREATE TRIGGER lora_untagged AFTER DELETE ON lora_tag BEGIN
    UPDATE tag SET loras = loras - 1 WHERE category = old.category AND tag = old.tag;
    DELETE FROM tag WHERE category = old.category AND tag = old.tag AND loras = 0;
END;

-- LoRAs that jobs use together. Each pair has two rows, one for each direction.
CREATE TABLE lora_pair (
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    other_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    uses INTEGER NOT NULL,
    PRIMARY KEY (lora_id, other_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lora_pair_by_uses ON lora_pair (lora_id, uses);
CREATE INDEX lora_pair_of_other ON lora_pair (other_id);

-- Stars that users gave.
CREATE TABLE rating (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    stars INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5), rated_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, lora_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rating_of_lora ON rating (lora_id);
CREATE TRIGGER rating_added AFTER INSERT ON rating BEGIN
    UPDATE lora SET stars = stars + new.stars, ratings = ratings + 1 WHERE id = new.lora_id;
END;
CREATE TRIGGER rating_changed AFTER UPDATE OF stars ON rating BEGIN
    UPDATE lora SET stars = stars + new.stars - old.stars WHERE id = new.lora_id;
END;
CREATE TRIGGER rating_removed AFTER DELETE ON rating BEGIN
    UPDATE lora SET stars = stars - old.stars, ratings = ratings - 1 WHERE id = old.lora_id;
END;

-- Hashes of checkpoints, each computed once: it takes minutes. The hash is valid while the stamp is the same.
CREATE TABLE checkpoint (
    name TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    stamp TEXT NOT NULL,                    -- sizes and times of its files
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    short_hash TEXT CHECK (length(short_hash) = 8),  -- old hash of a file, which old LoRAs name; NULL for a folder
    base_model TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Corrections of base models by staff, which an operator confirms or rejects.
CREATE TABLE base_model_proposal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    name TEXT NOT NULL,                     -- name of the LoRA at that time
    base_model TEXT NOT NULL,
    prediction TEXT CHECK (prediction IN ('epsilon', 'v_prediction')),
    reason TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'confirmed', 'rejected')),
    proposed_by INTEGER NOT NULL, created_at INTEGER NOT NULL,
    decided_by INTEGER, decided_at INTEGER,
    CHECK ((state = 'open') = (decided_by IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL))
) STRICT;
CREATE INDEX base_model_proposal_by_state ON base_model_proposal (state, id);
CREATE UNIQUE INDEX base_model_proposal_open ON base_model_proposal (sha256, base_model, coalesce(prediction, ''))
    WHERE state = 'open';

-- Another page has the bytes of a LoRA and names another base model. Users who had the LoRA before may continue to use
-- it. Others wait until an operator declares its base model.
CREATE TABLE lora_dispute (
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    page TEXT NOT NULL,                     -- URL of the page
    base_model TEXT NOT NULL,               -- the base model that the page names, as Easel writes it
    disputed_at INTEGER NOT NULL,
    PRIMARY KEY (sha256, page)
) STRICT, WITHOUT ROWID;

-- Samples and measurements of LoRAs

-- Pictures that Easel generates to show the effect of a file while no job waits. Position 0 is without the LoRA.
CREATE TABLE sample (
    version_id INTEGER NOT NULL REFERENCES lora_version (id) ON DELETE CASCADE,
    position INTEGER NOT NULL CHECK (position >= 0),
    checkpoint TEXT NOT NULL,
    path TEXT NOT NULL,                     -- relative to the pictures folder, with forward slashes
    created_at INTEGER NOT NULL,
    PRIMARY KEY (version_id, position)
) STRICT, WITHOUT ROWID;

-- The last error when Easel could not generate samples of a file.
CREATE TABLE sample_failure (
    version_id INTEGER PRIMARY KEY REFERENCES lora_version (id) ON DELETE CASCADE,
    code TEXT NOT NULL, detail TEXT NOT NULL,  -- JSON
    failed_at INTEGER NOT NULL
) STRICT;

-- The useful weights of a file, measured on pictures that Easel generated (bot.database.weight_ranges).
CREATE TABLE weight_range (
    version_id INTEGER PRIMARY KEY REFERENCES lora_version (id) ON DELETE CASCADE,
    checkpoint TEXT NOT NULL,
    least REAL NOT NULL, most REAL NOT NULL
) STRICT;

-- A file with a new base model needs another checkpoint, so samples and measurements start again.
CREATE TRIGGER lora_version_rebased AFTER UPDATE OF base_model ON lora_version
WHEN old.base_model IS NOT new.base_model BEGIN
    UPDATE lora_version SET sampled = 0, sample_tries = 0, measured = 0, measure_tries = 0 WHERE id = new.id;
    DELETE FROM sample_failure WHERE version_id = new.id;
    DELETE FROM weight_range WHERE version_id = new.id;
END;

-- LoRAs from outside

-- `waiting`: to be downloaded, also after a crash. The row of an added file stays and names its origin.
CREATE TABLE addition (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,                      -- the SHA-256 that the hub reports for the file, else its URL
    source TEXT NOT NULL,                   -- JSON: the hub's description (bot.sources.remote.RemoteVersion)
    path TEXT NOT NULL,                     -- of the new file, relative to the library
    placed INTEGER NOT NULL DEFAULT 0 CHECK (placed IN (0, 1)),  -- 0: the library already had these bytes
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'added', 'failed', 'cancelled')),
    sha256 TEXT CHECK (length(sha256) = 64),  -- of the added file
    failure_code TEXT, failure_detail TEXT,
    created_at INTEGER NOT NULL, ended_at INTEGER,
    CHECK ((state = 'added') = (sha256 IS NOT NULL)),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX addition_waiting ON addition (key) WHERE state = 'waiting';
CREATE INDEX addition_unfinished ON addition (id) WHERE state = 'waiting';
CREATE INDEX addition_by_file ON addition (sha256, id) WHERE sha256 IS NOT NULL;
CREATE INDEX addition_by_path ON addition (path) WHERE state = 'added';

-- Users who asked for an addition. Easel downloads it once and notifies each of them once: it edits the reply to the
-- command, or sends a direct message, which it looks for before it sends it again.
CREATE TABLE addition_request (
    addition_id INTEGER NOT NULL REFERENCES addition (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    server_id INTEGER REFERENCES server (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),  -- whether the user knows the outcome
    refused INTEGER NOT NULL DEFAULT 0 CHECK (refused IN (0, 1)),  -- Discord refuses direct messages to this user
    ticket TEXT, ticket_at INTEGER,         -- encrypted token that edits the reply for 15 minutes, and its time
    message_id INTEGER,                     -- of the reply
    posting_at INTEGER,                     -- since this time a direct message may have been sent
    draft_id INTEGER,                       -- the draft that the new LoRA's page continues with one button
    PRIMARY KEY (addition_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX addition_request_of_person ON addition_request (person_id, created_at);
CREATE INDEX addition_request_of_server ON addition_request (server_id, created_at) WHERE server_id IS NOT NULL;
CREATE INDEX addition_request_untold ON addition_request (addition_id, person_id) WHERE told = 0;

-- Requests of people who deleted all data. They count in the day's quotas.
CREATE TABLE erased_addition_request (
    addition_id INTEGER NOT NULL REFERENCES addition (id) ON DELETE CASCADE,
    pseudonym INTEGER NOT NULL CHECK (pseudonym < 0),
    server_id INTEGER REFERENCES server (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (addition_id, pseudonym)
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_addition_request_of_person ON erased_addition_request (pseudonym, created_at);
CREATE INDEX erased_addition_request_of_server ON erased_addition_request (server_id, created_at)
WHERE server_id IS NOT NULL;
CREATE INDEX erased_addition_request_old ON erased_addition_request (created_at);

-- A page of a hub that has a file of the library. Easel checks it at most once a day.
CREATE TABLE hub_look (
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    page TEXT NOT NULL,                     -- URL of the page
    hub TEXT NOT NULL,                      -- "Civitai" or "Hugging Face"
    looked_at INTEGER NOT NULL,             -- time of the last check
    state TEXT NOT NULL DEFAULT 'there' CHECK (state IN ('there', 'gone', 'archived', 'locked')),
    since INTEGER NOT NULL,                 -- time of the first check with this state
    added TEXT NOT NULL,                    -- RemoteVersion as JSON when the file was added
    says TEXT NOT NULL,                     -- the same, the last one in which the page had the file
    -- Highest rating that the page ever gave the file. The LoRA's rating is never lower.
    rating TEXT CHECK (rating IN ('general', 'teen', 'mature', 'explicit', 'blocked')),
    followed INTEGER NOT NULL DEFAULT 1 CHECK (followed IN (0, 1)),  -- 0: its newer versions are of another LoRA
    newer TEXT,                             -- RemoteVersion as JSON: the newest version for the same base model
    newer_sha256 TEXT CHECK (length(newer_sha256) = 64),
    newer_at INTEGER,                       -- time of the first check that found it
    PRIMARY KEY (sha256, page),
    CHECK ((newer IS NULL) = (newer_sha256 IS NULL) AND (newer IS NULL) = (newer_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX hub_look_due ON hub_look (hub, looked_at);
CREATE INDEX hub_look_by_state ON hub_look (state);
CREATE INDEX hub_look_newer ON hub_look (newer_sha256) WHERE newer_sha256 IS NOT NULL;

-- Users who had bookmarked a LoRA when a newer version appeared. Easel notifies each of them once.
CREATE TABLE update_notice (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    newer_sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    messaged INTEGER NOT NULL DEFAULT 0 CHECK (messaged IN (0, 1)),  -- whether Easel tried a direct message
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
    PRIMARY KEY (person_id, lora_id, newer_sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX update_notice_of_lora ON update_notice (lora_id, newer_sha256);
CREATE INDEX update_notice_untold ON update_notice (person_id, lora_id) WHERE told = 0;
CREATE INDEX update_notice_unsent ON update_notice (person_id) WHERE told = 0 AND messaged = 0;

-- Bookmarks

CREATE TABLE bookmark (
    id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    note TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    uses INTEGER NOT NULL DEFAULT 0,        -- number of succeeded jobs of the owner since then
    UNIQUE (person_id, lora_id)
) STRICT;
CREATE INDEX bookmark_by_age ON bookmark (person_id, created_at, id);
CREATE INDEX bookmark_of_lora ON bookmark (lora_id);
CREATE INDEX bookmark_by_uses ON bookmark (person_id, uses, id);
CREATE INDEX bookmark_with_note ON bookmark (person_id, created_at) WHERE note <> '';

-- rowid = bookmark.id, of bookmarks with a note. The owner is a word, so a search reads the notes of one user only.
CREATE VIRTUAL TABLE bookmark_text USING fts5 (
    owner, note, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3 4 5 6'
);
CREATE TRIGGER bookmark_removed AFTER DELETE ON bookmark BEGIN
    DELETE FROM bookmark_text WHERE rowid = old.id;
END;

-- Removed bookmarks, which *Undo* restores for some days.
CREATE TABLE removed_bookmark (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    note TEXT NOT NULL, created_at INTEGER NOT NULL, uses INTEGER NOT NULL,
    removed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX removed_bookmark_of ON removed_bookmark (person_id);
CREATE INDEX removed_bookmark_of_lora ON removed_bookmark (lora_id);
CREATE INDEX removed_bookmark_by_age ON removed_bookmark (removed_at);

-- Stacks

CREATE TABLE stack (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    name_key TEXT NOT NULL,                 -- the casefolded name
    code TEXT UNIQUE,                       -- with it other users copy the stack; NULL: not shared
    created_at INTEGER NOT NULL,
    UNIQUE (person_id, name_key)
) STRICT;

-- The SHA-256 names the version, so a stack means the same for every user who imports it.
CREATE TABLE stack_lora (
    stack_id INTEGER NOT NULL REFERENCES stack (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    name TEXT NOT NULL,                     -- name of the LoRA when the stack was saved
    weight REAL NOT NULL,
    trigger_words TEXT CHECK (json_valid(trigger_words)),  -- chosen ones; NULL: the usual ones
    region TEXT,                            -- part of the picture; NULL: the whole picture
    PRIMARY KEY (stack_id, position)
) STRICT, WITHOUT ROWID;

-- Wrong codes that users typed: guessing is slowed down.
CREATE TABLE stack_miss (
    id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    missed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX stack_miss_by_time ON stack_miss (person_id, missed_at);

-- Drafts and start pictures

-- Refused requests, which a button continues.
CREATE TABLE draft (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    wish TEXT NOT NULL CHECK (json_valid(wish)),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX draft_by_age ON draft (created_at);
CREATE INDEX draft_of_person ON draft (person_id);
CREATE INDEX draft_by_input ON draft (wish ->> '$.image.sha256') WHERE wish ->> '$.image.sha256' IS NOT NULL;

-- The draft of each user in the studio. `previous` is the draft before the last one replaced it, for one step back.
CREATE TABLE studio (
    person_id INTEGER PRIMARY KEY REFERENCES person (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (json_valid(state)),
    previous TEXT CHECK (json_valid(previous)),
    revision INTEGER NOT NULL DEFAULT 1,    -- number of changes; a panel with a lower one is out of date
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX studio_by_input ON studio (state ->> '$.draft.image.sha256')
    WHERE state ->> '$.draft.image.sha256' IS NOT NULL;
CREATE INDEX studio_by_previous_input ON studio (previous ->> '$.draft.image.sha256')
    WHERE previous ->> '$.draft.image.sha256' IS NOT NULL;

-- Start pictures that users uploaded, also after the last job or draft with them is deleted.
CREATE TABLE given_input (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL, given_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX given_input_by_file ON given_input (sha256);

-- Start pictures made from another user's picture. `person_id` is its author: when the author deletes all data, Easel
-- deletes the file, even if other users need it.
CREATE TABLE start_picture_source (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (person_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX start_picture_source_by_file ON start_picture_source (sha256);

-- Jobs

CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    server_id INTEGER REFERENCES server (id) ON DELETE SET NULL,
    channel_id INTEGER NOT NULL,
    request TEXT NOT NULL CHECK (json_valid(request)),
    checkpoint TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    failure_code TEXT, failure_detail TEXT CHECK (json_valid(failure_detail)),
    notes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(notes)),  -- the worker's remarks about a successful job
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),  -- grows with every start; a worker names its attempt
    weight REAL NOT NULL DEFAULT 1 CHECK (weight > 0),  -- in the queue its work counts 1/weight
    deaths INTEGER NOT NULL DEFAULT 0 CHECK (deaths >= 0),  -- number of workers that died at this job
    created_at INTEGER NOT NULL, started_at INTEGER,
    begun_at INTEGER,                       -- when the worker began the attempt; NULL: the job waits at the worker
    finished_at INTEGER,
    opened_at INTEGER,                      -- when a button under the pictures was last used: retention may need it
    delete_at INTEGER,                      -- when the job is deleted; until then nobody sees it and its owner may undo
    seconds REAL, peak_memory INTEGER,      -- bytes
    CHECK ((state = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((failure_code IS NULL) = (failure_detail IS NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (state <> 'queued' OR started_at IS NULL)
) STRICT;
CREATE INDEX job_by_state ON job (state, id);
CREATE INDEX job_by_person ON job (person_id, id);
CREATE INDEX job_by_person_and_state ON job (person_id, state);
CREATE INDEX job_by_person_and_server ON job (person_id, server_id);  -- and by id, like each index
CREATE INDEX job_by_server ON job (server_id) WHERE server_id IS NOT NULL;
CREATE INDEX job_by_age ON job (created_at, id);
CREATE INDEX job_to_delete ON job (delete_at) WHERE delete_at IS NOT NULL;
CREATE INDEX job_by_input ON job (request ->> '$.image.sha256') WHERE request ->> '$.image.sha256' IS NOT NULL;

-- rowid = job.id, of jobs with pictures. The index has no copy of the text. Each word begins with its user's code
-- (bot.database.job_terms), so the words of one user are neighbours. Triggers of each connection delete rows.
CREATE VIRTUAL TABLE job_text USING fts5 (prompt, checkpoint, loras, content = '', columnsize = 0);
INSERT INTO job_text (job_text, rank) VALUES ('secure-delete', 1);

-- The job's part of the day's quotas, and the user's roles and permissions at the time of the order.
CREATE TABLE job_order (
    job_id INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    pictures INTEGER NOT NULL CHECK (pictures >= 0),
    pixel_steps INTEGER NOT NULL CHECK (pixel_steps >= 0),
    context TEXT CHECK (json_valid(context))  -- NULL: ordered without a check
) STRICT;

-- Sums for each day (UTC) of the order. Failed and cancelled jobs do not count.
CREATE TABLE daily_usage (
    day INTEGER NOT NULL,                   -- unix time / 86,400,000 ms
    person_id INTEGER NOT NULL,             -- 0: all members of the server
    server_id INTEGER NOT NULL,             -- 0: outside of servers
    pictures INTEGER NOT NULL, pixel_steps INTEGER NOT NULL,
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

-- The message with the result of a job.
CREATE TABLE delivery (
    job_id INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'undeliverable')),
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    shows_prompt INTEGER NOT NULL DEFAULT 0 CHECK (shows_prompt IN (0, 1)),  -- in the message and inside the file
    message_id INTEGER,                     -- NULL: unknown, or not posted
    posting_in INTEGER, posting_at INTEGER, -- channel and time of the attempt to post: after a crash it may be there
    ticket TEXT,                            -- encrypted token of the interaction, for editing the reply after a restart
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX delivery_by_state ON delivery (state, job_id);

-- Servers in which no job is started. Server 0 is all servers.
CREATE TABLE pause (
    server_id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL,             -- who paused it
    created_at INTEGER NOT NULL
) STRICT;

-- Measured times: seconds of one denoising step of a batch, and of everything else in a job.
CREATE TABLE pace (
    checkpoint TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL,
    pictures INTEGER NOT NULL CHECK (pictures > 0),
    step_seconds REAL NOT NULL CHECK (step_seconds >= 0), rest_seconds REAL NOT NULL CHECK (rest_seconds >= 0),
    PRIMARY KEY (checkpoint, width, height, pictures)
) STRICT, WITHOUT ROWID;
CREATE TABLE load_time (
    checkpoint TEXT PRIMARY KEY,
    seconds REAL NOT NULL CHECK (seconds >= 0)
) STRICT, WITHOUT ROWID;

-- Pictures and their content ratings

CREATE TABLE picture (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    position INTEGER NOT NULL CHECK (position >= 0),
    path TEXT NOT NULL,                     -- relative to the pictures folder, with forward slashes
    width INTEGER NOT NULL CHECK (width > 0), height INTEGER NOT NULL CHECK (height > 0),
    seed INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (job_id, position)
) STRICT;

CREATE TABLE picture_lora (
    picture_id INTEGER NOT NULL REFERENCES picture (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    name TEXT NOT NULL,                     -- name of the LoRA when the picture was generated
    weight REAL NOT NULL,
    PRIMARY KEY (picture_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX picture_lora_by_file ON picture_lora (sha256, picture_id);

-- Perceptual hashes.
CREATE TABLE picture_hash (
    picture_id INTEGER PRIMARY KEY REFERENCES picture (id) ON DELETE CASCADE,
    hash BLOB NOT NULL                      -- empty: the file is unreadable
) STRICT;
CREATE INDEX picture_hash_by_hash ON picture_hash (hash);

-- The order of content ratings (inference.content_rating), so that statements can compare them.
CREATE TABLE rating_level (rating TEXT PRIMARY KEY, level INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO rating_level (rating, level)
    VALUES ('general', 0), ('teen', 1), ('mature', 2), ('explicit', 3), ('blocked', 4);

-- Content ratings of a job's pictures after they were generated.
CREATE TABLE job_rating (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL,             -- the server in which it counts; 0: all servers
    source TEXT NOT NULL CHECK (source IN ('staff', 'operator', 'classifier')),
    verdict INTEGER NOT NULL DEFAULT 0,     -- picture_verdict.source of an inherited rating; 0: its own rating
    rating TEXT NOT NULL CHECK (rating IN ('general', 'teen', 'mature', 'explicit', 'blocked')),
    rated_at INTEGER NOT NULL,
    CHECK ((source = 'staff') = (server_id <> 0)),
    PRIMARY KEY (job_id, server_id, source, verdict)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_rating_of_verdict ON job_rating (verdict) WHERE verdict <> 0;

-- The gallery

-- One picture in an art channel, until its message is deleted. It outlives the job. `pending`: it may be posted.
-- `posted`: its message is known. `removing`: Easel deletes the message, then this row.
CREATE TABLE publication (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    job_id INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),  -- of the picture in its job
    person_id INTEGER REFERENCES person (id) ON DELETE SET NULL,
    art_channel_id INTEGER NOT NULL,        -- text channel, thread or forum
    channel_id INTEGER,                     -- of the message: the art channel, or the post in a forum
    message_id INTEGER,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'posted', 'removing')),
    tried_at INTEGER,                       -- time of the last request to post it
    hidden INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),  -- not allowed for now; it is posted again later
    shows_prompt INTEGER NOT NULL CHECK (shows_prompt IN (0, 1)),
    names_child INTEGER NOT NULL DEFAULT 0 CHECK (names_child IN (0, 1)),  -- not shown if mature or higher
    checkpoint TEXT NOT NULL, base_model TEXT,  -- of the checkpoint
    said_level INTEGER,                     -- the level of prompt and source picture; NULL: unknown
    level INTEGER NOT NULL DEFAULT -1,      -- the highest known level except the checkpoint's; -1: unknown
    unrated INTEGER NOT NULL DEFAULT 0 CHECK (unrated IN (0, 1)),  -- whether one of its LoRAs has no rating
    likes INTEGER NOT NULL DEFAULT 0,
    ranked_likes INTEGER NOT NULL DEFAULT 0,  -- those that count (bot.community.like_counts)
    recent_likes INTEGER NOT NULL DEFAULT 0,  -- of the last days (bot.database.gallery.likes)
    shown_likes INTEGER NOT NULL DEFAULT 0, shown_at INTEGER NOT NULL DEFAULT 0,  -- in the message, and since when
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
CREATE INDEX publication_of_channel ON publication (art_channel_id, id);
CREATE INDEX publication_in_channel ON publication (art_channel_id, message_id) WHERE state = 'posted';
CREATE INDEX publication_hidden ON publication (art_channel_id) WHERE hidden = 1;
CREATE INDEX publication_channels ON publication (server_id, art_channel_id);

CREATE TABLE publication_lora (
    publication_id INTEGER NOT NULL REFERENCES publication (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    PRIMARY KEY (publication_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX publication_lora_by_file ON publication_lora (sha256);

-- rowid = publication.id, of posted ones. `facets` has one word for the server and for each filter of the gallery
-- (bot.database.gallery). `words` are those of the checkpoint, the LoRAs, and the prompt if it is shown.
CREATE VIRTUAL TABLE publication_text USING fts5 (facets, words, columnsize = 0, prefix = '1 2 3');

CREATE TABLE publication_like (
    publication_id INTEGER NOT NULL REFERENCES publication (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    liked_at INTEGER NOT NULL,
    recent INTEGER NOT NULL DEFAULT 1 CHECK (recent IN (0, 1)),  -- whether `recent_likes` has it
    ranks INTEGER NOT NULL DEFAULT 1 CHECK (ranks IN (0, 1)),  -- 0: of the author or a new account
    PRIMARY KEY (publication_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX publication_like_of_person ON publication_like (person_id);
CREATE INDEX publication_like_recent ON publication_like (liked_at) WHERE recent = 1;

-- Popularity of a LoRA file in a server's gallery: ranked likes, and a trend (as lora.trend) of publications and likes.
CREATE TABLE lora_in_server (
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    publications INTEGER NOT NULL, likes INTEGER NOT NULL, trend REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (server_id, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE feature (
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('lora', 'publication')), target_id INTEGER NOT NULL,
    featured_by INTEGER NOT NULL, featured_at INTEGER NOT NULL,
    PRIMARY KEY (server_id, kind, target_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX feature_by_target ON feature (kind, target_id);
CREATE TRIGGER lora_not_featured AFTER DELETE ON lora BEGIN
    DELETE FROM feature WHERE kind = 'lora' AND target_id = old.id;
END;

-- The message of an art channel that shows new and featured pictures. Easel edits it.
CREATE TABLE board (
    channel_id INTEGER PRIMARY KEY,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    message_channel_id INTEGER,             -- the art channel, or the post in a forum
    message_id INTEGER,                     -- NULL: it may already be posted
    digest TEXT NOT NULL DEFAULT '',        -- of the message's content
    edited_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX board_of_server ON board (server_id);

-- The level of each publication. The triggers below copy it to `publication` when it may have changed.
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
CREATE TRIGGER publication_added AFTER INSERT ON publication BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE id = new.id;
END;
CREATE TRIGGER publication_lora_added AFTER INSERT ON publication_lora BEGIN
    UPDATE publication SET (level, unrated) = (SELECT level, unrated FROM publication_rating WHERE id = publication.id)
    WHERE id = new.publication_id;
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

-- Counts, the search index and features follow the state of a publication. Its features stay while it is hidden.
CREATE TRIGGER publication_posted AFTER UPDATE OF state ON publication
WHEN new.state = 'posted' AND old.state <> 'posted' BEGIN
    INSERT INTO lora_in_server (server_id, sha256, publications, likes)
        SELECT new.server_id, sha256, 1, new.ranked_likes FROM publication_lora WHERE publication_id = new.id
        ON CONFLICT (server_id, sha256) DO UPDATE
        SET publications = publications + 1, likes = likes + excluded.likes;
END;
CREATE TRIGGER publication_taken_back AFTER UPDATE OF state ON publication
WHEN old.state = 'posted' AND new.state <> 'posted' BEGIN
    DELETE FROM publication_text WHERE rowid = old.id;
    UPDATE lora_in_server SET publications = publications - 1, likes = likes - new.ranked_likes
        WHERE server_id = new.server_id
        AND sha256 IN (SELECT sha256 FROM publication_lora WHERE publication_id = new.id);
END;
-- A posted one is deleted only together with its server and all its counts.
CREATE TRIGGER publication_forgotten BEFORE DELETE ON publication WHEN old.state = 'posted' BEGIN
    DELETE FROM publication_text WHERE rowid = old.id;
END;
CREATE TRIGGER publication_removed AFTER UPDATE OF state ON publication
WHEN new.state = 'removing' AND old.state <> 'removing' BEGIN
    DELETE FROM feature WHERE kind = 'publication' AND target_id = old.id;
END;
CREATE TRIGGER publication_given_up AFTER DELETE ON publication WHEN old.state <> 'removing' BEGIN
    DELETE FROM feature WHERE kind = 'publication' AND target_id = old.id;
END;
CREATE TRIGGER publication_liked AFTER INSERT ON publication_like BEGIN
    UPDATE publication
        SET likes = likes + 1, ranked_likes = ranked_likes + new.ranks, recent_likes = recent_likes + new.recent
        WHERE id = new.publication_id;
END;
CREATE TRIGGER publication_unliked AFTER DELETE ON publication_like BEGIN
    UPDATE publication
        SET likes = likes - 1, ranked_likes = ranked_likes - old.ranks, recent_likes = recent_likes - old.recent
        WHERE id = old.publication_id;
END;
CREATE TRIGGER publication_like_aged AFTER UPDATE OF recent ON publication_like WHEN new.recent <> old.recent BEGIN
    UPDATE publication SET recent_likes = recent_likes + new.recent - old.recent WHERE id = new.publication_id;
END;
CREATE TRIGGER publication_likes_counted AFTER UPDATE OF ranked_likes ON publication
WHEN new.state = 'posted' AND old.state = 'posted' BEGIN
    UPDATE lora_in_server SET likes = likes + new.ranked_likes - old.ranked_likes
        WHERE server_id = new.server_id
        AND sha256 IN (SELECT sha256 FROM publication_lora WHERE publication_id = new.id);
END;
-- A deleted picture disappears from the gallery immediately. Easel deletes its message later.
CREATE TRIGGER publication_of_deleted_picture AFTER DELETE ON picture BEGIN
    UPDATE publication SET state = 'removing'
    WHERE job_id = old.job_id AND position = old.position AND state <> 'removing';
END;

-- Rules of servers

CREATE TABLE server_settings (
    server_id INTEGER PRIMARY KEY REFERENCES server (id) ON DELETE CASCADE,
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE server_limit (
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    holder TEXT NOT NULL CHECK (holder IN ('server', 'everybody', 'newcomers', 'role', 'person')),
    holder_id INTEGER NOT NULL,             -- of the role or the person, else 0
    name TEXT NOT NULL DEFAULT '',          -- name of the role when the limit was set
    limits TEXT NOT NULL CHECK (json_valid(limits)),
    PRIMARY KEY (server_id, holder, holder_id)
) STRICT, WITHOUT ROWID;

-- Server 0 is all servers: an operator's block. A block outlives the rows of person and LoRA.
CREATE TABLE block (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'lora')), target_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    ends_at INTEGER,                        -- NULL: never
    created_by INTEGER NOT NULL, created_at INTEGER NOT NULL,
    UNIQUE (server_id, kind, target_id)
) STRICT;

-- Words and patterns that a server bans. Staff wrote them, or imported them from AutoMod.
CREATE TABLE word_list (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    words TEXT NOT NULL CHECK (json_valid(words)),
    patterns TEXT NOT NULL CHECK (json_valid(patterns)),
    exceptions TEXT NOT NULL CHECK (json_valid(exceptions)),  -- phrases in which the words are allowed
    mode TEXT NOT NULL CHECK (mode IN ('off', 'shadow', 'active')),
    negative_prompts INTEGER NOT NULL CHECK (negative_prompts IN (0, 1)),
    forms INTEGER NOT NULL DEFAULT 0 CHECK (forms IN (0, 1)),  -- whether plurals and one-letter typos match
    rule_id INTEGER,                        -- the imported AutoMod rule; NULL: staff wrote the list
    shadowed INTEGER NOT NULL DEFAULT 0,    -- texts that the list would have refused since its last change
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX word_list_by_server ON word_list (server_id, id);

-- Phrases that staff allow in their server, and questions of members who ask for one.
CREATE TABLE allowed_phrase (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    phrase TEXT NOT NULL,
    allowed_by INTEGER NOT NULL, allowed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX allowed_phrase_of_server ON allowed_phrase (server_id, id);

CREATE TABLE phrase_question (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    word TEXT NOT NULL,                     -- the banned word in the refused prompt
    phrase TEXT NOT NULL,                   -- the member's proposal, later the phrase that staff allowed
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'allowed', 'dismissed')),
    asked_at INTEGER NOT NULL,
    channel_id INTEGER, message_id INTEGER, -- of the message to staff
    decided_by INTEGER,
    told_at INTEGER,                        -- when the member was notified of the decision
    CHECK ((state = 'open') = (decided_by IS NULL)),
    CHECK ((channel_id IS NULL) = (message_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX phrase_question_open ON phrase_question (person_id, server_id, word) WHERE state = 'open';
CREATE INDEX phrase_question_of_person ON phrase_question (person_id, asked_at);
CREATE INDEX phrase_question_of_server ON phrase_question (server_id);

-- The audit log. Triggers refuse to change or delete an entry, except for the cases below.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL,             -- 0: all servers
    actor_id INTEGER NOT NULL, action TEXT NOT NULL,
    person_id INTEGER,                      -- the affected person
    target TEXT NOT NULL,                   -- the changed thing, in words
    changes TEXT NOT NULL CHECK (json_valid(changes)),  -- by field: [before, after]
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (server_id, created_at);
CREATE INDEX audit_by_actor ON audit (server_id, actor_id, created_at);
CREATE INDEX audit_by_person ON audit (server_id, person_id, created_at) WHERE person_id IS NOT NULL;
CREATE INDEX audit_by_action ON audit (server_id, action, created_at);
CREATE INDEX audit_by_age ON audit (created_at, id);
-- When a person deletes all data, the keyed hash replaces the id.
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
WHEN new.id IS NOT old.id OR new.server_id IS NOT old.server_id OR new.action IS NOT old.action
    OR new.created_at IS NOT old.created_at
    OR NOT (new.actor_id = old.actor_id OR (old.actor_id > 0 AND new.actor_id < 0))
    OR NOT (new.person_id IS old.person_id OR (old.person_id > 0 AND new.person_id < 0))
    OR (new.target, new.changes) IS NOT (old.target, old.changes) AND NOT EXISTS (
        SELECT 1 FROM erasure
        WHERE person_id IS NOT NULL AND new.target = replace(old.target, person_id, pseudonym)
        AND new.changes = replace(old.changes, person_id, pseudonym)
    ) BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are not changed');
END;
-- Easel deletes the log of a server that removed the bot, and entries before the time that retention stored.
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM server WHERE id = old.server_id AND left_at IS NOT NULL)
AND NOT EXISTS (SELECT 1 FROM memo WHERE key = 'audit before' AND old.created_at < CAST(value AS INTEGER)) BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are not deleted');
END;

-- Reports

-- A report outlives the job or the LoRA. While it is open, it may hide the pictures.
CREATE TABLE report (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL,             -- whose staff decide; 0: the operators
    kind TEXT NOT NULL CHECK (kind IN ('pictures', 'lora')), target_id INTEGER NOT NULL,  -- id of the job or the LoRA
    owner_id INTEGER,                       -- who ordered the pictures; NULL: a LoRA
    painted_at INTEGER,                     -- when the pictures were generated; NULL: a LoRA, or an erased owner
    painted_in INTEGER,                     -- and in which channel; NULL: staff may not know it
    shared INTEGER NOT NULL CHECK (shared IN (0, 1)),  -- whether operators see it
    hides INTEGER NOT NULL DEFAULT 0 CHECK (hides IN (0, 1)),
    lasting INTEGER NOT NULL DEFAULT 0 CHECK (lasting IN (0, 1)),  -- does not expire: the subject looks like a minor
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'decided', 'appealed')),
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,    -- grows with each change
    shown INTEGER NOT NULL DEFAULT 0,       -- revision in the message to staff
    channel_id INTEGER, message_id INTEGER, -- of that message
    posting_at INTEGER,                     -- since this time it may be posted; NULL: it is not
    message_due INTEGER NOT NULL DEFAULT 0 CHECK (message_due IN (0, 1))  -- the message with the pictures needs an edit
) STRICT;
CREATE UNIQUE INDEX report_open ON report (kind, target_id, server_id) WHERE state = 'open';
CREATE INDEX report_by_subject ON report (kind, target_id, server_id, id);
CREATE INDEX report_of_server ON report (server_id, id) WHERE state <> 'decided';
CREATE INDEX report_shared ON report (id) WHERE state <> 'decided' AND shared = 1;
CREATE INDEX report_unshown ON report (id) WHERE shown < revision;
CREATE INDEX report_of_owner ON report (owner_id, server_id) WHERE owner_id IS NOT NULL;
CREATE INDEX report_hiding ON report (created_at) WHERE state = 'open' AND hides = 1;
CREATE INDEX report_message_due ON report (id) WHERE message_due = 1;
CREATE INDEX report_by_age ON report (created_at) WHERE state = 'open';

-- Users who reported it. Each counts once. More users join an open report.
CREATE TABLE report_by (
    report_id INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    reason TEXT NOT NULL, note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    hides INTEGER NOT NULL DEFAULT 0 CHECK (hides IN (0, 1)),  -- each user may hide a few pictures a day
    PRIMARY KEY (report_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_by_person ON report_by (person_id, created_at);

-- Copies of reported pictures, generated while a report hides them. They stay hidden as long.
CREATE TABLE held_copy (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    report_id INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    PRIMARY KEY (job_id, report_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_copy_of_report ON held_copy (report_id);

-- Reminders of open reports. Easel sends each once. `recipient` is a channel of staff, or an operator's keyed hash.
CREATE TABLE report_reminder (
    report_id INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    days INTEGER NOT NULL, recipient INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,              -- since this time it may be sent
    sent_at INTEGER,                        -- NULL: unknown
    PRIMARY KEY (report_id, days, recipient)
) STRICT, WITHOUT ROWID;

-- A decision is stored with all its steps before the first step is executed.
CREATE TABLE decision (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    report_id INTEGER NOT NULL UNIQUE REFERENCES report (id) ON DELETE CASCADE,
    action TEXT NOT NULL CHECK (action IN ('hide', 'warn', 'block', 'delete', 'rate', 'dismiss')),
    rating TEXT, rating_before TEXT,        -- the new rating, and the one that the same staff gave before
    ends_at INTEGER,                        -- of a block
    note TEXT NOT NULL,                     -- for the owner
    decided_by INTEGER NOT NULL, decided_at INTEGER NOT NULL,
    told_at INTEGER,                        -- when the owner was notified; stays NULL if nobody needs to be
    notice_id INTEGER                       -- of the direct message to the owner
) STRICT;
CREATE INDEX decision_by_age ON decision (decided_at, report_id);

CREATE TABLE decision_step (
    decision_id INTEGER NOT NULL REFERENCES decision (id) ON DELETE CASCADE,
    position INTEGER NOT NULL, step TEXT NOT NULL,
    begun_at INTEGER, done_at INTEGER,      -- since `begun_at` the step may be done
    PRIMARY KEY (decision_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_step_to_do ON decision_step (decision_id, position) WHERE done_at IS NULL;

CREATE TABLE appeal (
    decision_id INTEGER PRIMARY KEY REFERENCES decision (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'upheld', 'reversed')),
    answered_by INTEGER, answered_at INTEGER,
    told_at INTEGER, notice_id INTEGER,     -- when the person was notified of the answer, and the direct message
    CHECK ((state = 'open') = (answered_by IS NULL)),
    CHECK ((answered_by IS NULL) = (answered_at IS NULL))
) STRICT;
CREATE INDEX appeal_of_person ON appeal (person_id);

-- Deleted pictures and takedowns

-- Files and the message that Easel still has to delete after it deleted the rows of a job. After a crash either all of
-- a picture is there, or all of it will be deleted.
CREATE TABLE deletion (
    job_id INTEGER PRIMARY KEY,
    person_id INTEGER REFERENCES person (id) ON DELETE CASCADE,
    paths TEXT NOT NULL CHECK (json_valid(paths)),  -- relative to the pictures folder
    input TEXT,                             -- SHA-256 of the start picture
    channel_id INTEGER, message_id INTEGER, -- of the result
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deletion_of_person ON deletion (person_id);

-- Pictures that staff removed from their server.
CREATE TABLE takedown (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL,
    report_id INTEGER NOT NULL DEFAULT 0,   -- 0: without a report; negative: a copy, by picture_verdict.source
    reason TEXT NOT NULL DEFAULT '',        -- for the owner; empty after a report, whose decision has a note
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,  -- the owner of the pictures
    created_at INTEGER NOT NULL,
    told_at INTEGER, notice_id INTEGER,     -- when the owner was notified, and the direct message
    PRIMARY KEY (job_id, server_id, report_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX takedown_of_person ON takedown (person_id, told_at);
CREATE INDEX takedown_of_copy ON takedown (report_id) WHERE report_id < 0;
-- A takedown without a report is final. After a report the publication returns if the decision is reversed.
CREATE TRIGGER publication_taken_down AFTER INSERT ON takedown WHEN new.report_id = 0 BEGIN
    UPDATE publication SET state = 'removing'
    WHERE job_id = new.job_id AND new.server_id IN (0, server_id) AND state <> 'removing';
END;

-- Verdicts about pictures by their perceptual hashes. A verdict outlives file, job and owner, and names none of them.
-- `source` is a keyed hash of the report, by which a reversal finds the row.
CREATE TABLE picture_verdict (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL,             -- 0: all servers
    reason TEXT NOT NULL CHECK (reason IN ('reported', 'hidden', 'deleted', 'rated')),
    rating TEXT CHECK (rating IN ('general', 'teen', 'mature', 'explicit', 'blocked')),
    source INTEGER,                         -- NULL: a takedown without a report
    hash BLOB NOT NULL CHECK (length(hash) > 0),
    created_at INTEGER NOT NULL,
    CHECK ((reason = 'rated') = (rating IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX picture_verdict_once ON picture_verdict (hash, server_id, ifnull(source, 0));
CREATE INDEX picture_verdict_of_source ON picture_verdict (source) WHERE source IS NOT NULL;
CREATE INDEX picture_verdict_in_force ON picture_verdict (id) WHERE reason <> 'reported';
CREATE INDEX picture_verdict_of_server ON picture_verdict (server_id);

-- Takedowns for people who are shown in pictures. `open`: staff check the found copies. `confirmed`: Easel removes the
-- confirmed ones. `complete`: all are removed; the hashes stay, so no copy returns. `closed`: nothing more is
-- removed, and the hashes are deleted.
CREATE TABLE takedown_case (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'confirmed', 'complete', 'closed')),
    note TEXT NOT NULL,                     -- the operator's own, such as the number of a ticket
    hashes BLOB NOT NULL,                   -- of the pictures of the notice, whole and cropped
    received_at INTEGER NOT NULL,           -- of the notice; the case is due 48 hours later
    created_at INTEGER NOT NULL, ended_at INTEGER,
    refused INTEGER NOT NULL DEFAULT 0,     -- number of copies that were refused later
    alerts INTEGER NOT NULL DEFAULT 0,      -- number of alerts to operators that it is due soon
    CHECK ((state IN ('complete', 'closed')) = (ended_at IS NOT NULL))
) STRICT;
CREATE INDEX takedown_case_unfinished ON takedown_case (received_at) WHERE state IN ('open', 'confirmed');
CREATE INDEX takedown_case_kept ON takedown_case (id) WHERE state IN ('confirmed', 'complete');

CREATE TABLE takedown_copy (
    case_id INTEGER NOT NULL REFERENCES takedown_case (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,                -- in the list that staff see
    kind TEXT NOT NULL CHECK (kind IN ('picture', 'input', 'sample', 'preview')),
    path TEXT NOT NULL,                     -- relative to the folder of its kind
    job_id INTEGER,                         -- of a picture; the row outlives the job
    distance REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'found' CHECK (state IN ('found', 'excepted', 'confirmed', 'removed')),
    PRIMARY KEY (case_id, number),
    UNIQUE (case_id, kind, path),
    CHECK ((kind = 'picture') = (job_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX takedown_copy_of_job ON takedown_copy (job_id) WHERE job_id IS NOT NULL;

-- Notices to authors and uploaders about a confirmed case.
CREATE TABLE takedown_notice (
    case_id INTEGER NOT NULL REFERENCES takedown_case (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    pictures INTEGER NOT NULL,              -- number of pictures and start pictures
    created_at INTEGER NOT NULL,
    tried_at INTEGER,                       -- since this time it may be sent
    refused INTEGER NOT NULL DEFAULT 0 CHECK (refused IN (0, 1)),  -- Discord refuses direct messages to this person
    told_at INTEGER,                        -- when the person was notified
    PRIMARY KEY (case_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX takedown_notice_of_person ON takedown_notice (person_id, told_at);
CREATE INDEX takedown_notice_due ON takedown_notice (case_id, person_id) WHERE told_at IS NULL AND refused = 0;
CREATE INDEX takedown_notice_by_age ON takedown_notice (created_at);

-- People who delete all data

-- `person_id` is NULL as soon as the person's rows are deleted. The numbers are for the receipt.
CREATE TABLE erasure (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER,
    pseudonym INTEGER NOT NULL CHECK (pseudonym < 0),
    state TEXT NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'clearing', 'complete')),
    by_operator INTEGER NOT NULL CHECK (by_operator IN (0, 1)),
    direct_channel INTEGER,                 -- of the direct messages, until all messages of the bot there are listed
    jobs INTEGER NOT NULL DEFAULT 0, pictures INTEGER NOT NULL DEFAULT 0,
    start_pictures INTEGER NOT NULL DEFAULT 0,  -- of other users, made from the person's pictures
    messages INTEGER NOT NULL DEFAULT 0,    -- deleted ones
    unreachable INTEGER NOT NULL DEFAULT 0, -- messages that the bot may not delete
    private_answers INTEGER NOT NULL DEFAULT 0,  -- ephemeral replies, which only the person can dismiss
    copies INTEGER NOT NULL DEFAULT 0,      -- backups of the database from before its end
    copies_until INTEGER,                   -- when the last of them expires; NULL: unknown
    created_at INTEGER NOT NULL, finished_at INTEGER,
    CHECK ((state = 'requested') = (person_id IS NOT NULL)),
    CHECK ((state = 'complete') = (finished_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX erasure_requested ON erasure (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX erasure_of_pseudonym ON erasure (pseudonym, id);
CREATE INDEX erasure_unfinished ON erasure (id) WHERE state <> 'complete';
CREATE INDEX erasure_by_end ON erasure (finished_at) WHERE finished_at IS NOT NULL;

-- Files that Easel still has to delete. A file with a `report_id` waits for the decision about that open report.
CREATE TABLE erasure_file (
    erasure_id INTEGER NOT NULL REFERENCES erasure (id) ON DELETE CASCADE,
    folder TEXT NOT NULL CHECK (folder IN ('pictures', 'inputs', 'spool')),
    path TEXT NOT NULL,                     -- relative to the folder
    report_id INTEGER,
    unconditional INTEGER NOT NULL DEFAULT 0 CHECK (unconditional IN (0, 1)),  -- even if other users need it
    PRIMARY KEY (erasure_id, folder, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_file_held ON erasure_file (report_id) WHERE report_id IS NOT NULL;

-- Messages that Easel still has to delete.
CREATE TABLE erasure_message (
    erasure_id INTEGER NOT NULL REFERENCES erasure (id) ON DELETE CASCADE,
    channel_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
    PRIMARY KEY (erasure_id, channel_id, message_id)
) STRICT, WITHOUT ROWID;

-- Messages to staff that name or quote the person. Easel edits them.
CREATE TABLE erasure_report (
    erasure_id INTEGER NOT NULL REFERENCES erasure (id) ON DELETE CASCADE,
    report_id INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'written', 'out_of_reach')),
    PRIMARY KEY (erasure_id, report_id)
) STRICT, WITHOUT ROWID;

-- Lines for the file beside the database (bot.database.record_of_removals), deleted when they are in it. From this file
-- a restored backup learns of later erasures and decisions. The note of a takedown case stays out of it.
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

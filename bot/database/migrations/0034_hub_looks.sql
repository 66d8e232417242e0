-- What hubs say of the files that came from them: asked at most once a day, and shown where it has changed.

-- A file of the library that came from a hub. `says` is what the hub said last while it had the file.
CREATE TABLE hub_look (
    sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
    hub TEXT NOT NULL,                      -- "Civitai" or "Hugging Face"
    looked_at INTEGER NOT NULL,             -- when the hub was last asked
    state TEXT NOT NULL DEFAULT 'there' CHECK (state IN ('there', 'gone', 'archived', 'locked')),
    since INTEGER NOT NULL,                 -- when it was first seen in this state
    added TEXT NOT NULL,                    -- JSON: what the hub said when the file came (bot.sources.remote.RemoteVersion)
    says TEXT NOT NULL,                     -- JSON: the same
    newer TEXT,                             -- JSON: the same of the newest version for the same base model
    newer_sha256 TEXT CHECK (length(newer_sha256) = 64),
    newer_at INTEGER,                       -- when that was first seen
    CHECK ((newer IS NULL) = (newer_sha256 IS NULL) AND (newer IS NULL) = (newer_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX hub_look_due ON hub_look (hub, looked_at);
CREATE INDEX hub_look_by_state ON hub_look (state);
CREATE INDEX hub_look_newer ON hub_look (newer_sha256) WHERE newer_sha256 IS NOT NULL;

INSERT INTO hub_look (sha256, hub, looked_at, since, added, says)
SELECT sha256, source ->> 'hub', min(ended_at), min(ended_at), source, source FROM addition
WHERE state = 'added' AND source ->> 'hub' <> 'attached' GROUP BY sha256;

-- Whom to tell of a newer version: who had the LoRA among the bookmarks when it was seen. Each of them is told once.
CREATE TABLE update_notice (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    newer_sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    messaged INTEGER NOT NULL DEFAULT 0 CHECK (messaged IN (0, 1)),  -- whether a direct message was tried
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
    PRIMARY KEY (person_id, lora_id, newer_sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX update_notice_of_lora ON update_notice (lora_id, newer_sha256);
CREATE INDEX update_notice_untold ON update_notice (person_id, lora_id) WHERE told = 0;
CREATE INDEX update_notice_unsent ON update_notice (person_id) WHERE told = 0 AND messaged = 0;

-- A file may be on several pages, and each is asked about by itself.

CREATE TABLE hub_look_by_page (
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    page TEXT NOT NULL,                     -- the address of the page that has the file
    hub TEXT NOT NULL,                      -- "Civitai" or "Hugging Face"
    looked_at INTEGER NOT NULL,             -- when the hub was last asked
    state TEXT NOT NULL DEFAULT 'there' CHECK (state IN ('there', 'gone', 'archived', 'locked')),
    since INTEGER NOT NULL,                 -- when it was first seen in this state
    added TEXT NOT NULL,                    -- JSON: what the hub said when the file came (bot.sources.remote.RemoteVersion)
    says TEXT NOT NULL,                     -- JSON: the same, what it said last while it had the file
    newer TEXT,                             -- JSON: the same of the newest version for the same base model
    newer_sha256 TEXT CHECK (length(newer_sha256) = 64),
    newer_at INTEGER,                       -- when that was first seen
    PRIMARY KEY (sha256, page),
    CHECK ((newer IS NULL) = (newer_sha256 IS NULL) AND (newer IS NULL) = (newer_at IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO hub_look_by_page
SELECT sha256, coalesce(added ->> 'page', ''), hub, looked_at, state, since, added, says, newer, newer_sha256, newer_at
FROM hub_look;
-- Further pages that were noted of a file, each as it was first told.
INSERT INTO hub_look_by_page (sha256, page, hub, looked_at, since, added, says)
SELECT sha256, source ->> 'page', source ->> 'hub', min(ended_at), min(ended_at), source, source FROM addition
WHERE state = 'added' AND source ->> 'hub' <> 'attached' AND source ->> 'page' <> ''
GROUP BY sha256, source ->> 'page'
ON CONFLICT (sha256, page) DO NOTHING;

DROP TABLE hub_look;
ALTER TABLE hub_look_by_page RENAME TO hub_look;
CREATE INDEX hub_look_due ON hub_look (hub, looked_at);
CREATE INDEX hub_look_by_state ON hub_look (state);
CREATE INDEX hub_look_newer ON hub_look (newer_sha256) WHERE newer_sha256 IS NOT NULL;

-- Words and patterns that a server does not want, as its staff wrote them or as they stood in its AutoMod.

CREATE TABLE word_list (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- an id once seen on a button never comes to mean another list
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    words TEXT NOT NULL CHECK (json_valid(words)),
    patterns TEXT NOT NULL CHECK (json_valid(patterns)),
    exceptions TEXT NOT NULL CHECK (json_valid(exceptions)),  -- phrases in which the words are allowed
    mode TEXT NOT NULL CHECK (mode IN ('off', 'shadow', 'active')),
    negative_prompts INTEGER NOT NULL CHECK (negative_prompts IN (0, 1)),
    rule_id INTEGER,                        -- the AutoMod rule that it was imported from; NULL: staff wrote it
    shadowed INTEGER NOT NULL DEFAULT 0,    -- texts that it would have refused since it was last changed
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX word_list_by_server ON word_list (server_id, id);

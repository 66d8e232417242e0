-- Phrases that staff allow in their server, and members' questions that ask for one.

CREATE TABLE allowed_phrase (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- an id once seen on a button never comes to mean another phrase
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    phrase TEXT NOT NULL,
    allowed_by INTEGER NOT NULL,            -- Discord's id, or a keyed hash
    allowed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX allowed_phrase_of_server ON allowed_phrase (server_id, id);

CREATE TABLE phrase_question (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    word TEXT NOT NULL,                     -- for which the prompt was refused
    phrase TEXT NOT NULL,                   -- as it was proposed; when it is allowed, as staff wrote it
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'allowed', 'dismissed')),
    asked_at INTEGER NOT NULL,
    channel_id INTEGER,                     -- of the message to staff
    message_id INTEGER,
    decided_by INTEGER,
    told_at INTEGER,                        -- when the member was notified of the decision
    CHECK ((state = 'open') = (decided_by IS NULL)),
    CHECK ((channel_id IS NULL) = (message_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX phrase_question_open ON phrase_question (person_id, server_id, word) WHERE state = 'open';
CREATE INDEX phrase_question_of_person ON phrase_question (person_id, asked_at);
CREATE INDEX phrase_question_of_server ON phrase_question (server_id);

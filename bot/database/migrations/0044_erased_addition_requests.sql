-- What people asked for whose data were deleted since, as long as it counts in the day's quotas of additions.

CREATE TABLE erased_addition_request (
    addition_id INTEGER NOT NULL REFERENCES addition (id) ON DELETE CASCADE,
    pseudonym INTEGER NOT NULL CHECK (pseudonym < 0),  -- the keyed hash of the person (bot.database.pseudonyms)
    server_id INTEGER REFERENCES server (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,                       -- when they asked for it
    PRIMARY KEY (addition_id, pseudonym)
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_addition_request_of_person ON erased_addition_request (pseudonym, created_at);
CREATE INDEX erased_addition_request_of_server ON erased_addition_request (server_id, created_at)
WHERE server_id IS NOT NULL;
CREATE INDEX erased_addition_request_old ON erased_addition_request (created_at);

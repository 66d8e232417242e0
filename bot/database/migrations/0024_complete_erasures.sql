-- What goes when somebody has all deleted, besides jobs and what they name.

-- Of the person's direct messages. Set until all that the bot wrote there is noted as still to be removed.
ALTER TABLE erasure ADD COLUMN direct_channel INTEGER;

-- Messages that name a person and are of no order, or of none any more: codes of stacks that they posted, and results
-- whose order was removed because it was old.
CREATE TABLE posted_message (
    message_id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX posted_message_of_person ON posted_message (person_id);

-- Who gave a picture to start from, also when neither a job nor a draft names it any more.
CREATE TABLE given_input (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX given_input_by_file ON given_input (sha256);

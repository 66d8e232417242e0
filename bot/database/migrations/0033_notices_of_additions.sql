-- How people are told once how the additions end that they asked for: in the answer to their command, or else by a
-- direct message, which is looked for before it is sent again.

ALTER TABLE addition_request ADD COLUMN ticket TEXT;         -- encrypted; with it the answer is edited for 15 minutes
ALTER TABLE addition_request ADD COLUMN ticket_at INTEGER;   -- when it was answered
ALTER TABLE addition_request ADD COLUMN message_id INTEGER;  -- the answer
ALTER TABLE addition_request ADD COLUMN posting_at INTEGER;  -- since when a direct message may have been sent
ALTER TABLE addition_request ADD COLUMN refused INTEGER NOT NULL DEFAULT 0 CHECK (refused IN (0, 1));

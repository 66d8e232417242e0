-- What a person asked for that waits for an addition: the draft which its page goes on with by one press.

ALTER TABLE addition_request ADD COLUMN draft_id INTEGER;

-- What the worker had to say about a picture although nothing went wrong.

ALTER TABLE job ADD COLUMN notes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(notes));

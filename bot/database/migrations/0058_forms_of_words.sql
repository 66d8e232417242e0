-- A list of words may also match plurals and slips of one letter.
ALTER TABLE word_list ADD COLUMN forms INTEGER NOT NULL DEFAULT 0 CHECK (forms IN (0, 1));

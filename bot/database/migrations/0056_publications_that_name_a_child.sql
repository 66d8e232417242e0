-- Whether the words of a published picture name a child: it is not shown beside a rating of mature or higher.
ALTER TABLE publication ADD COLUMN names_child INTEGER NOT NULL DEFAULT 0 CHECK (names_child IN (0, 1));

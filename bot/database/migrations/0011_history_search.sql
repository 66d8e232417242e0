-- What the history is searched by: only jobs whose pictures are there, so that no search steps over the others.
--
-- Every term begins with its person in a fixed width (bot.database.job_terms), so that prefixes of 18, 19 and 20
-- characters are a person's words of one, two and three letters: they are looked up, where all words that begin so would
-- have to be merged.

DROP TABLE job_text;
CREATE VIRTUAL TABLE job_text USING fts5 (prompt, checkpoint, loras, columnsize = 0, prefix = '18 19 20');
INSERT INTO job_text (rowid, prompt, checkpoint, loras)
    SELECT id, searchable(person_id, request ->> '$.prompt'), searchable(person_id, checkpoint), searchable(person_id, (
        SELECT coalesce(group_concat(use.value ->> '$.name', ' '), '') FROM json_each(request, '$.loras') AS use
    )) FROM job WHERE EXISTS (SELECT 1 FROM picture WHERE job_id = job.id);
CREATE TRIGGER job_text_without_pictures AFTER DELETE ON picture
WHEN NOT EXISTS (SELECT 1 FROM picture WHERE job_id = old.job_id) BEGIN
    DELETE FROM job_text WHERE rowid = old.job_id;
END;

-- The index of prompts without a copy of the words, and without prefixes: the words of one person stand together.
--
-- bot.database.job_terms adds and removes jobs, with triggers of each connection that writes.

DROP TRIGGER job_text_without_pictures;
DROP TRIGGER IF EXISTS job_text_removed;
DROP TABLE job_text;
CREATE VIRTUAL TABLE job_text USING fts5 (prompt, checkpoint, loras, content = '', columnsize = 0);
INSERT INTO job_text (job_text, rank) VALUES ('secure-delete', 1);
INSERT INTO job_text (rowid, prompt, checkpoint, loras)
    SELECT id, prompt_terms(person_id, request), searchable(person_id, checkpoint), lora_terms(person_id, request)
    FROM job WHERE EXISTS (SELECT 1 FROM picture WHERE job_id = job.id);

-- Copies of reported pictures that were painted while a report hides them: they are held as long.

CREATE TABLE held_copy (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    report_id INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    PRIMARY KEY (job_id, report_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_copy_of_report ON held_copy (report_id);

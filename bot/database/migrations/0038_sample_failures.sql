-- Why samples of a file could not be painted the last time: what painted no picture is suspect.

CREATE TABLE sample_failure (
    version_id INTEGER PRIMARY KEY REFERENCES lora_version (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,       -- JSON
    failed_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER lora_version_rebased_failure AFTER UPDATE OF base_model ON lora_version
WHEN old.base_model IS NOT new.base_model BEGIN
    DELETE FROM sample_failure WHERE version_id = new.id;
END;

-- Between which weights a file is useful, measured on pictures that Easel painted by itself (bot.database.weight_ranges).

CREATE TABLE weight_range (
    version_id INTEGER PRIMARY KEY REFERENCES lora_version (id) ON DELETE CASCADE,
    checkpoint TEXT NOT NULL,
    least REAL NOT NULL,
    most REAL NOT NULL
) STRICT;

-- A file whose weights make no difference is measured and has no range.
ALTER TABLE lora_version ADD COLUMN measured INTEGER NOT NULL DEFAULT 0 CHECK (measured IN (0, 1));
ALTER TABLE lora_version ADD COLUMN measure_tries INTEGER NOT NULL DEFAULT 0 CHECK (measure_tries >= 0);
CREATE INDEX lora_version_to_measure ON lora_version (base_model, measure_tries, id DESC) WHERE measured = 0 AND usable = 1;
CREATE TRIGGER lora_version_rebased_range AFTER UPDATE OF base_model ON lora_version
WHEN old.base_model IS NOT new.base_model BEGIN
    UPDATE lora_version SET measured = 0, measure_tries = 0 WHERE id = new.id;
    DELETE FROM weight_range WHERE version_id = new.id;
END;

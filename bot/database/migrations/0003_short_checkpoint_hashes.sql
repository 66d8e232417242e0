-- The old hash of a checkpoint's file (eight hex digits): older LoRAs record only that of what they were trained on.
-- NULL for a folder, which has none, and for a file that an earlier version hashed.

ALTER TABLE checkpoint ADD COLUMN short_hash TEXT CHECK (length(short_hash) = 8);

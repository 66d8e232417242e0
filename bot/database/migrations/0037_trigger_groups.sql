-- Several trigger words that go together are one row, joined by commas; a sidecar may name them.

ALTER TABLE trigger_word ADD COLUMN name TEXT;

-- Why staff removed a picture from their server: its author reads it. Empty: a decision about a report, which has its own.
ALTER TABLE takedown ADD COLUMN reason TEXT NOT NULL DEFAULT '';

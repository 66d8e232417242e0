-- Staff may reverse a decision that they have upheld before. The owner was told of that, and is told again.

ALTER TABLE appeal ADD COLUMN upheld_at INTEGER;         -- when the decision was upheld, if it was reversed afterwards
ALTER TABLE appeal ADD COLUMN upheld_notice_id INTEGER;  -- the direct message that told so, if it was one

-- For whom a LoRA is. Not to be confused with the stars that people give, which are called ratings in older tables.

ALTER TABLE lora ADD COLUMN content_rating TEXT     -- NULL: nobody has rated it
    CHECK (content_rating IN ('general', 'teen', 'mature', 'explicit', 'blocked'));
ALTER TABLE lora ADD COLUMN content_rating_by INTEGER;  -- the operator who rated it; NULL: as its sidecars say
CREATE INDEX lora_by_content_rating ON lora (content_rating) WHERE content_rating IS NOT NULL;
CREATE INDEX lora_by_content_rater ON lora (content_rating_by) WHERE content_rating_by IS NOT NULL;

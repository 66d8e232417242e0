-- The highest rating that a page ever gave to a file: a LoRA is rated by it too, and never lower than before.

ALTER TABLE hub_look ADD COLUMN rating TEXT CHECK (rating IN ('general', 'teen', 'mature', 'explicit', 'blocked'));
UPDATE hub_look SET rating = says ->> 'rating';

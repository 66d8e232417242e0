-- Pages that only have the same bytes are told apart from the page whose file was put into the library.

ALTER TABLE addition ADD COLUMN placed INTEGER NOT NULL DEFAULT 0 CHECK (placed IN (0, 1));  -- its file was put there

UPDATE addition SET placed = 1 WHERE state = 'added' AND path LIKE 'added/%'
AND EXISTS (SELECT 1 FROM lora_version WHERE lora_version.path = addition.path AND lora_version.sha256 = addition.sha256)
AND id = (SELECT min(id) FROM addition AS other WHERE other.path = addition.path AND other.state = 'added');

-- Whether newer versions at the page are those of the LoRA here. A page that was only named is asked about all the same.
ALTER TABLE hub_look ADD COLUMN followed INTEGER NOT NULL DEFAULT 1 CHECK (followed IN (0, 1));

UPDATE hub_look SET followed = 0, newer = NULL, newer_sha256 = NULL, newer_at = NULL
WHERE EXISTS (
    SELECT 1 FROM addition
    WHERE addition.sha256 = hub_look.sha256 AND source ->> 'page' = hub_look.page AND state = 'added'
)
AND NOT EXISTS (
    SELECT 1 FROM addition
    WHERE addition.sha256 = hub_look.sha256 AND source ->> 'page' = hub_look.page AND placed = 1
);

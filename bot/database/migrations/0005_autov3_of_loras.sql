-- The hash by which pictures made elsewhere name a LoRA; it stands in what the scan found.

ALTER TABLE lora_version ADD COLUMN autov3 TEXT GENERATED ALWAYS AS (json_extract(found, '$.autov3')) VIRTUAL;
CREATE INDEX lora_version_autov3 ON lora_version (autov3) WHERE autov3 IS NOT NULL;

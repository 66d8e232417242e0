-- The file's name without its folder and `.safetensors`: by it pictures made elsewhere name a LoRA whose hash they keep
-- to themselves, or whose file was changed.

ALTER TABLE lora_version ADD COLUMN stem TEXT COLLATE NOCASE GENERATED ALWAYS AS (
    substr(path, length(rtrim(path, replace(path, '/', ''))) + 1,
        length(path) - length(rtrim(path, replace(path, '/', ''))) - length('.safetensors'))
) VIRTUAL;
CREATE INDEX lora_version_stem ON lora_version (stem) WHERE usable = 1;

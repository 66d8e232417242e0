-- That part of a picture which a LoRA of a stack is for; NULL: the whole picture.

ALTER TABLE stack_lora ADD COLUMN region TEXT;

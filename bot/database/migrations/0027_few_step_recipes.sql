-- Whether a LoRA was made for few steps, which steps, sampler, spacing and guidance, and how that is known
-- (inference.lora.few_steps.FewSteps). The next scan fills it in.

ALTER TABLE lora_version ADD COLUMN few_steps TEXT CHECK (json_valid(few_steps));   -- NULL: nothing says so

-- Somebody else's page with the bytes of a LoRA names another base model than the one that it is used with. Who had the
-- LoRA before may go on with it; others wait until an operator declares its base model.

CREATE TABLE lora_dispute (
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    page TEXT NOT NULL,                     -- the address of the page
    base_model TEXT NOT NULL,               -- what the page claims, as Easel writes it
    disputed_at INTEGER NOT NULL,
    PRIMARY KEY (sha256, page)
) STRICT, WITHOUT ROWID;

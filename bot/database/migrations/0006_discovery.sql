-- What makes LoRAs worth finding: how often they were used, what people think of them, and how they look.
-- Written by bot.database.uses, ratings, samples, tags, lora_index and dictionary.

-- Uses are counted in jobs that succeeded; here those of the bookmark's owner since it was saved.
ALTER TABLE bookmark ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
CREATE INDEX bookmark_by_uses ON bookmark (person_id, uses, id);
CREATE INDEX bookmark_with_note ON bookmark (person_id, created_at) WHERE note <> '';

-- What a person took away, so that it can be undone as it was. Kept for days.
CREATE TABLE removed_bookmark (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- an id once seen on a button never comes to mean another bookmark
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    removed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX removed_bookmark_of ON removed_bookmark (person_id);
CREATE INDEX removed_bookmark_of_lora ON removed_bookmark (lora_id);
CREATE INDEX removed_bookmark_by_age ON removed_bookmark (removed_at);

ALTER TABLE lora ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;            -- jobs of everybody
-- log2 of the sum of 2^(t/half-life) over the uses: time decays all entries alike, so the order needs no upkeep.
ALTER TABLE lora ADD COLUMN trend REAL NOT NULL DEFAULT 0;
ALTER TABLE lora ADD COLUMN stars INTEGER NOT NULL DEFAULT 0;           -- sum of all ratings
ALTER TABLE lora ADD COLUMN ratings INTEGER NOT NULL DEFAULT 0;         -- how many
-- Bayesian average: five imagined people gave three stars, so one enthusiast does not make a best of all.
ALTER TABLE lora ADD COLUMN score REAL GENERATED ALWAYS AS ((stars + 15.0) / (ratings + 5.0)) VIRTUAL;
ALTER TABLE lora ADD COLUMN added_by INTEGER REFERENCES person (id) ON DELETE SET NULL;  -- NULL: the operator
CREATE INDEX lora_by_uses ON lora (uses, id);
CREATE INDEX lora_by_trend ON lora (trend, id);
CREATE INDEX lora_by_score ON lora (score, id);
CREATE INDEX lora_by_adder ON lora (added_by) WHERE added_by IS NOT NULL;

-- Lists are walked by id, uses, trend, score or name; what narrows them down stands in lora_text.
DROP INDEX lora_by_age;
DROP INDEX lora_by_category;
DROP INDEX lora_by_category_and_name;

-- 0: what lora_text says of the entry is not up to date; the next scan writes it anew.
ALTER TABLE lora ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0 CHECK (indexed IN (0, 1));
CREATE INDEX lora_waiting ON lora (id) WHERE indexed = 0;

-- rowid = lora.id; words in the form of bot.database.search. `whole` holds the name and each trigger word written
-- together, `facets` one word for every property by which lists are narrowed down; both begin with letters that nobody
-- types, so that the words people seek are not spread over them.
DROP TABLE lora_text;
CREATE VIRTUAL TABLE lora_text USING fts5 (
    name, trigger_words, whole, description, facets,
    tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3 4 5 6'
);

-- Every word of names and trigger words, and where to look for it when one character is wrong: two words that are one
-- typo apart share a key. Words that no entry has any more may stay: the search finds nothing by them.
CREATE TABLE word (
    id INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE word_key (
    key INTEGER NOT NULL,
    word_id INTEGER NOT NULL REFERENCES word (id) ON DELETE CASCADE,
    PRIMARY KEY (key, word_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX word_key_of ON word_key (word_id);

-- Notes too are indexed in the form of bot.database.search, so no trigger can do it; bookmarks without are left out.
DROP TRIGGER bookmark_added;
DROP TRIGGER bookmark_noted;
DROP TABLE bookmark_text;
CREATE VIRTUAL TABLE bookmark_text USING fts5 (
    owner, note, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3 4 5 6'
);
INSERT INTO bookmark_text (rowid, owner, note)
    SELECT id, char(0xE001) || person_id, note FROM bookmark WHERE note <> '';

CREATE TABLE rating (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    stars INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
    rated_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, lora_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rating_of_lora ON rating (lora_id);
CREATE TRIGGER rating_added AFTER INSERT ON rating BEGIN
    UPDATE lora SET stars = stars + new.stars, ratings = ratings + 1 WHERE id = new.lora_id;
END;
CREATE TRIGGER rating_changed AFTER UPDATE OF stars ON rating BEGIN
    UPDATE lora SET stars = stars + new.stars - old.stars WHERE id = new.lora_id;
END;
CREATE TRIGGER rating_removed AFTER DELETE ON rating BEGIN
    UPDATE lora SET stars = stars - old.stars, ratings = ratings - 1 WHERE id = old.lora_id;
END;

-- Words that narrow a category down: photography, lighting, colour, camera. `category` is the entry's.
CREATE TABLE lora_tag (
    category TEXT NOT NULL,
    tag TEXT NOT NULL,
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    PRIMARY KEY (category, tag, lora_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lora_tag_of ON lora_tag (lora_id);

CREATE TABLE tag (
    category TEXT NOT NULL,
    tag TEXT NOT NULL,
    loras INTEGER NOT NULL,                 -- how many entries have it
    PRIMARY KEY (category, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_by_loras ON tag (category, loras);
CREATE TRIGGER lora_tagged AFTER INSERT ON lora_tag BEGIN
    INSERT INTO tag (category, tag, loras) VALUES (new.category, new.tag, 1)
    ON CONFLICT (category, tag) DO UPDATE SET loras = loras + 1;
END;
CREATE TRIGGER lora_untagged AFTER DELETE ON lora_tag BEGIN
    UPDATE tag SET loras = loras - 1 WHERE category = old.category AND tag = old.tag;
    DELETE FROM tag WHERE category = old.category AND tag = old.tag AND loras = 0;
END;

-- Used in one job, counted in both directions.
CREATE TABLE lora_pair (
    lora_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    other_id INTEGER NOT NULL REFERENCES lora (id) ON DELETE CASCADE,
    uses INTEGER NOT NULL,
    PRIMARY KEY (lora_id, other_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lora_pair_by_uses ON lora_pair (lora_id, uses);
CREATE INDEX lora_pair_of_other ON lora_pair (other_id);

-- Pictures that Easel painted by itself to show what a file does; position 0 is the one without the LoRA.
CREATE TABLE sample (
    version_id INTEGER NOT NULL REFERENCES lora_version (id) ON DELETE CASCADE,
    position INTEGER NOT NULL CHECK (position >= 0),
    checkpoint TEXT NOT NULL,
    path TEXT NOT NULL,                     -- relative to the pictures folder, with forward slashes
    created_at INTEGER NOT NULL,
    PRIMARY KEY (version_id, position)
) STRICT, WITHOUT ROWID;

-- Painted when nobody wants anything else; a file that cannot be painted with is given up after a few tries.
ALTER TABLE lora_version ADD COLUMN sampled INTEGER NOT NULL DEFAULT 0 CHECK (sampled IN (0, 1));
ALTER TABLE lora_version ADD COLUMN sample_tries INTEGER NOT NULL DEFAULT 0 CHECK (sample_tries >= 0);
CREATE INDEX lora_version_to_sample ON lora_version (base_model, sample_tries, id DESC) WHERE sampled = 0 AND usable = 1;
-- Of another base model, it belongs on another checkpoint.
CREATE TRIGGER lora_version_rebased AFTER UPDATE OF base_model ON lora_version
WHEN old.base_model IS NOT new.base_model BEGIN
    UPDATE lora_version SET sampled = 0, sample_tries = 0 WHERE id = new.id;
END;

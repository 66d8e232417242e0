-- Likes of a picture's author and of new accounts are shown and do not rank (bot.community.like_counts).
ALTER TABLE publication_like ADD COLUMN ranks INTEGER NOT NULL DEFAULT 1 CHECK (ranks IN (0, 1));
ALTER TABLE publication ADD COLUMN ranked_likes INTEGER NOT NULL DEFAULT 0;
UPDATE publication SET ranked_likes = likes;

-- `lora_in_server.likes` sums up the likes that rank.
DROP TRIGGER publication_posted;
CREATE TRIGGER publication_posted AFTER UPDATE OF state ON publication
WHEN new.state = 'posted' AND old.state <> 'posted' BEGIN
    INSERT INTO lora_in_server (server_id, sha256, publications, likes)
        SELECT new.server_id, sha256, 1, new.ranked_likes FROM publication_lora WHERE publication_id = new.id
        ON CONFLICT (server_id, sha256) DO UPDATE
        SET publications = publications + 1, likes = likes + excluded.likes;
END;
DROP TRIGGER publication_taken_back;
CREATE TRIGGER publication_taken_back AFTER UPDATE OF state ON publication
WHEN old.state = 'posted' AND new.state <> 'posted' BEGIN
    DELETE FROM publication_text WHERE rowid = old.id;
    UPDATE lora_in_server SET publications = publications - 1, likes = likes - new.ranked_likes
        WHERE server_id = new.server_id
        AND sha256 IN (SELECT sha256 FROM publication_lora WHERE publication_id = new.id);
END;
DROP TRIGGER publication_liked;
CREATE TRIGGER publication_liked AFTER INSERT ON publication_like BEGIN
    UPDATE publication
        SET likes = likes + 1, ranked_likes = ranked_likes + new.ranks, recent_likes = recent_likes + new.recent
        WHERE id = new.publication_id;
END;
DROP TRIGGER publication_unliked;
CREATE TRIGGER publication_unliked AFTER DELETE ON publication_like BEGIN
    UPDATE publication
        SET likes = likes - 1, ranked_likes = ranked_likes - old.ranks, recent_likes = recent_likes - old.recent
        WHERE id = old.publication_id;
END;
DROP TRIGGER publication_likes_counted;
CREATE TRIGGER publication_likes_counted AFTER UPDATE OF ranked_likes ON publication
WHEN new.state = 'posted' AND old.state = 'posted' BEGIN
    UPDATE lora_in_server SET likes = likes + new.ranked_likes - old.ranked_likes
        WHERE server_id = new.server_id
        AND sha256 IN (SELECT sha256 FROM publication_lora WHERE publication_id = new.id);
END;

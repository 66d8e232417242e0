-- What staff featured stays featured while it is hidden for a time, and goes with the publication.
DROP TRIGGER publication_taken_back;
CREATE TRIGGER publication_taken_back AFTER UPDATE OF state ON publication
WHEN old.state = 'posted' AND new.state <> 'posted' BEGIN
    DELETE FROM publication_text WHERE rowid = old.id;
    UPDATE lora_in_server SET publications = publications - 1, likes = likes - new.likes
        WHERE server_id = new.server_id
        AND sha256 IN (SELECT sha256 FROM publication_lora WHERE publication_id = new.id);
END;
CREATE TRIGGER publication_removed AFTER UPDATE OF state ON publication
WHEN new.state = 'removing' AND old.state <> 'removing' BEGIN
    DELETE FROM feature WHERE kind = 'publication' AND target_id = old.id;
END;
CREATE TRIGGER publication_given_up AFTER DELETE ON publication WHEN old.state <> 'removing' BEGIN
    DELETE FROM feature WHERE kind = 'publication' AND target_id = old.id;
END;

-- Those that may be posted again.
CREATE INDEX publication_hidden ON publication (art_channel_id) WHERE hidden = 1;

-- The posted ones of an art channel by their messages, to be compared with what is there (bot.community.deleted_posts).
CREATE INDEX publication_in_channel ON publication (art_channel_id, message_id) WHERE state = 'posted';

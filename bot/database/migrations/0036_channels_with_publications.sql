-- The channels of a server in which there are publications, one step for each (bot.database.publications).
CREATE INDEX publication_channels ON publication (server_id, art_channel_id);

-- Random id of this database, so that two installations that use one bot never send the same nonce.

INSERT INTO memo (key, value) VALUES ('installation', lower(hex(randomblob(16))));

-- What hashes that never leave are made with: a secret of this state folder.
INSERT OR IGNORE INTO fact VALUES ('local_secret', lower(hex(randomblob(32))));

-- Every identity that an item has or had, as such a hash, with the key that it goes by in Mem0. A key is made of
-- what is sent, once, and kept; so one that is made of what the source says is a former one.
CREATE TABLE identity (
    destination INTEGER NOT NULL,
    local TEXT NOT NULL,
    sync_key TEXT NOT NULL,
    -- The revision that was read last, likewise as a hash of this state folder, the hash of what is sent of it,
    -- and the detector that looked it through.
    revision TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    detector TEXT NOT NULL,
    is_former INTEGER NOT NULL DEFAULT 0,
    -- Not of a text that differs only in its secret from the one that its key was made for.
    stands INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (destination, local)
) WITHOUT ROWID;
CREATE INDEX identity_by_key ON identity (destination, sync_key) WHERE is_former;

ALTER TABLE adoptable ADD COLUMN local TEXT NOT NULL DEFAULT '';
CREATE INDEX adoptable_by_local ON adoptable (destination, local);

-- What an earlier version sent, after redaction, with hashes of what was redacted.
ALTER TABLE item ADD COLUMN has_old_hashes INTEGER NOT NULL DEFAULT 0;
UPDATE item SET has_old_hashes = 1 WHERE redacted <> '';
CREATE INDEX item_with_old_hashes ON item (destination) WHERE has_old_hashes;

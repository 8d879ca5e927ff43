-- What tells whether Mem0 still has what was sent; '' where that isn't known.
ALTER TABLE receipt ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';

-- What a person wants repaired: delivered items to be sent again. A wish ends when an entry is made of it.
CREATE TABLE wish (
    destination INTEGER NOT NULL,
    sync_key TEXT NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('restore', 'overwrite')),
    PRIMARY KEY (destination, sync_key)
) WITHOUT ROWID;

-- The last audit of each destination; before the first one, when its waiting began.
CREATE TABLE audit (
    destination INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    is_done INTEGER NOT NULL DEFAULT 0,
    doubles INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0
);
-- When Mem0 says that the newest memory was made that an audit of a user id has seen.
ALTER TABLE contact ADD COLUMN audited TEXT NOT NULL DEFAULT '';

-- Of several accounts behind one name and address, the one that a person accepted last is in use.
ALTER TABLE destination ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;

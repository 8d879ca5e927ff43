-- When Mem0 says that the newest memory was made that a listing of a user id showed, and whether others
-- write to it, too: then it is listed again, from there on, before anything is added.
ALTER TABLE contact ADD COLUMN newest TEXT NOT NULL DEFAULT '';
ALTER TABLE contact ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entry_by_user_id ON entry (destination, user_id, created_at) WHERE state = 'pending';

-- Adds that were sent more than once: looked at once more later, for an earlier attempt may be stored, too.
CREATE TABLE second_look (
    destination INTEGER NOT NULL,
    sync_key TEXT NOT NULL,
    user_id TEXT NOT NULL,
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, sync_key)
) WITHOUT ROWID;

-- What a person has forgotten, wherever it would go: by every key that it goes by, and by its identities as hashes
-- of this state folder. Of what is erased, whatever turns up in Mem0 later is deleted as well.
CREATE TABLE forgotten (
    name TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    forgotten_at REAL NOT NULL,
    is_erased INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT OR IGNORE INTO forgotten (name, project, forgotten_at)
    SELECT sync_key, project, CAST(strftime('%s', 'now') AS REAL) FROM item WHERE tombstone = 'forgotten';
INSERT OR IGNORE INTO forgotten (name, project, forgotten_at)
    SELECT local, project, CAST(strftime('%s', 'now') AS REAL)
    FROM identity JOIN item USING (destination, sync_key) WHERE tombstone = 'forgotten' AND is_former;

-- Memories that a person wants deleted, until that is done; the key of one that isn't ours is ''.
CREATE TABLE owed_deletion (
    destination INTEGER NOT NULL REFERENCES destination,
    memory_id TEXT NOT NULL,
    sync_key TEXT NOT NULL,
    project TEXT NOT NULL,
    owed_at REAL NOT NULL,
    due_at REAL NOT NULL,
    -- When it was delivered: Mem0 may not know an id yet that it has just given out.
    delivered_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (destination, memory_id)
) WITHOUT ROWID;
CREATE INDEX owed_deletion_by_key ON owed_deletion (destination, sync_key);

-- Items of which the text would otherwise be lost: what no file says, and what was forgotten or dropped before it
-- was sent. It is the text as it is sent, and redacted again before it goes anywhere.
CREATE TABLE kept (
    sync_key TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    source_id TEXT,
    frozen TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX kept_by_project ON kept (project, source);
CREATE INDEX item_unfiled ON item (project, destination) WHERE source IN ('remember', 'session');
INSERT OR IGNORE INTO kept
    SELECT sync_key, project, kind, source, source_id, frozen FROM entry JOIN item USING (destination, sync_key)
    WHERE source IN ('remember', 'session') AND frozen ->> '$.text' <> '' ORDER BY entry.id DESC;

-- The spooled events that were taken in: one that is met again, after a crash, makes nothing.
CREATE TABLE taken_event (id TEXT PRIMARY KEY, taken_at REAL NOT NULL) WITHOUT ROWID;

-- Of items that share id and time: that time, by which one is known again that was given an id of its own.
ALTER TABLE item ADD COLUMN moment TEXT;
CREATE INDEX item_twin ON item (destination, project) WHERE moment IS NOT NULL;

BEGIN TRANSACTION;
CREATE TABLE adoptable (
    destination INTEGER NOT NULL,
    sync_key TEXT NOT NULL,
    memory_id TEXT NOT NULL,
    content_hash TEXT NOT NULL, local TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (destination, sync_key)
) WITHOUT ROWID;
CREATE TABLE audit (
    destination INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    is_done INTEGER NOT NULL DEFAULT 0,
    doubles INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE consent (
    folder TEXT PRIMARY KEY,
    -- Null while nothing was ever agreed.
    id TEXT,
    ids TEXT NOT NULL,
    id_is_said INTEGER NOT NULL,
    said_destination TEXT,
    terms TEXT NOT NULL,
    agreed TEXT NOT NULL,
    waiting TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE contact (
    destination INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    listed_at REAL, newest TEXT NOT NULL DEFAULT '', shared INTEGER NOT NULL DEFAULT 0, audited TEXT NOT NULL DEFAULT '', begun INTEGER NOT NULL DEFAULT 0, listed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, user_id)
) WITHOUT ROWID;
INSERT INTO "contact" VALUES(1,'shop-decisions',5.0,'',0,'',0,0);
CREATE TABLE destination (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    account TEXT NOT NULL DEFAULT '',
    reach TEXT NOT NULL DEFAULT 'ok',
    reason TEXT NOT NULL DEFAULT '',
    remedy TEXT NOT NULL DEFAULT '',
    retry_at REAL,
    step INTEGER NOT NULL DEFAULT 0,
    doubts INTEGER NOT NULL DEFAULT 0,
    asked_until REAL NOT NULL DEFAULT 0, accepted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (name, address, account)
);
INSERT INTO "destination" VALUES(1,'platform','https://mem0.example.org','','ok','','',NULL,0,0,0.0,0);
CREATE TABLE early_mark (
    project TEXT NOT NULL,
    source_id TEXT NOT NULL,
    PRIMARY KEY (project, source_id)
) WITHOUT ROWID;
CREATE TABLE echo (
    project TEXT NOT NULL,
    echo TEXT NOT NULL,
    PRIMARY KEY (project, echo)
) WITHOUT ROWID;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    destination INTEGER NOT NULL,
    sync_key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'unconfirmed', 'accepted', 'dead')),
    user_id TEXT NOT NULL,
    frozen TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    major INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    sends INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    due_at REAL NOT NULL DEFAULT 0,
    memory_id TEXT,
    target_gone INTEGER NOT NULL DEFAULT 0,
    event_id TEXT,
    accepted_at REAL NOT NULL DEFAULT 0,
    certain_at REAL NOT NULL DEFAULT 0,
    doubtful INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', born INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (destination, sync_key) REFERENCES item
);
INSERT INTO "entry" VALUES(1,1,'k2','sending','shop-decisions','{}','h2',0,0,0,1.0,0.0,NULL,0,NULL,0.0,0.0,0,'',0);
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "fact" VALUES('destination','1');
INSERT INTO "fact" VALUES('local_secret','e508e76968f28efd87f6d88d41077f47c05257e8019316b5d9a3c0342b6cd925');
CREATE TABLE "foreign_mark" (
    project TEXT NOT NULL,
    tree TEXT NOT NULL DEFAULT '',
    source_id TEXT NOT NULL, seen_at REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (project, tree, source_id)
) WITHOUT ROWID;
INSERT INTO "foreign_mark" VALUES('shop','','DEC-7',1.0);
CREATE TABLE forgotten (
    name TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    forgotten_at REAL NOT NULL,
    is_erased INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
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
CREATE TABLE item (
    destination INTEGER NOT NULL REFERENCES destination,
    sync_key TEXT NOT NULL,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    source_id TEXT,
    status TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    seen_at REAL NOT NULL,
    -- Of a queue line: the fingerprint that it shares with the record that it echoes.
    echo TEXT,
    -- The kinds of credentials that were redacted.
    redacted TEXT NOT NULL DEFAULT '',
    -- A tombstone: why it must not come back, and the content that it stands for.
    tombstone TEXT,
    tombstone_hash TEXT,
    -- Until then an earlier attempt of the last update may still take effect, and undo a later one.
    quiet_until REAL NOT NULL DEFAULT 0, tree TEXT NOT NULL DEFAULT '', has_old_hashes INTEGER NOT NULL DEFAULT 0, moment TEXT,
    PRIMARY KEY (destination, sync_key)
) WITHOUT ROWID;
INSERT INTO "item" VALUES(1,'k1','shop','decision','decision-log','DEC-1','delivered','',1.0,NULL,'',NULL,NULL,0.0,'',0,NULL);
INSERT INTO "item" VALUES(1,'k2','shop','decision','decision-log','DEC-2','pending','',1.0,NULL,'',NULL,NULL,0.0,'',0,NULL);
CREATE TABLE kept (
    sync_key TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    source_id TEXT,
    frozen TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE origin (
    project TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    -- Whether the project's id is what a file in it asked for, rather than its user or its folder's name.
    id_is_asked INTEGER NOT NULL,
    seen TEXT NOT NULL,
    looked_at REAL NOT NULL,
    looks INTEGER NOT NULL
) WITHOUT ROWID;
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
CREATE TABLE problem (
    project TEXT NOT NULL,
    origin TEXT NOT NULL,
    what TEXT NOT NULL,
    place TEXT NOT NULL,
    remedy TEXT NOT NULL
);
CREATE TABLE "project" (
    path TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    origin TEXT NOT NULL,
    is_worktree INTEGER NOT NULL DEFAULT 0,
    -- Null until the folder's wishes were first read.
    destination INTEGER REFERENCES destination
, is_scanned INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "project" VALUES('/home/me/shop','shop','command',0,NULL,0);
CREATE TABLE receipt (
    destination INTEGER NOT NULL,
    sync_key TEXT NOT NULL,
    memory_ids TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    delivered_at REAL NOT NULL, fingerprint TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (destination, sync_key)
) WITHOUT ROWID;
INSERT INTO "receipt" VALUES(1,'k1','["m-1"]','h1',2.0,'');
CREATE TABLE same_origin (
    project TEXT NOT NULL,
    origin TEXT NOT NULL,
    PRIMARY KEY (project, origin)
) WITHOUT ROWID;
CREATE TABLE second_look (
    destination INTEGER NOT NULL,
    sync_key TEXT NOT NULL,
    user_id TEXT NOT NULL,
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, sync_key)
) WITHOUT ROWID;
CREATE TABLE stated_origin (
    destination INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    n INTEGER NOT NULL,
    newest TEXT NOT NULL,
    PRIMARY KEY (destination, user_id, origin)
) WITHOUT ROWID;
CREATE TABLE stopped (
    destination INTEGER NOT NULL,
    project TEXT NOT NULL,
    PRIMARY KEY (destination, project)
) WITHOUT ROWID;
CREATE TABLE taken_event (id TEXT PRIMARY KEY, taken_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE tally (
    destination INTEGER NOT NULL,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (destination, project, kind, status)
) WITHOUT ROWID;
INSERT INTO "tally" VALUES(1,'shop','decision','delivered',1);
INSERT INTO "tally" VALUES(1,'shop','decision','pending',1);
CREATE TABLE wish (
    destination INTEGER NOT NULL,
    sync_key TEXT NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('restore', 'overwrite')),
    PRIMARY KEY (destination, sync_key)
) WITHOUT ROWID;
CREATE INDEX item_by_source_id ON item (destination, project, source, source_id);
CREATE INDEX item_redacted ON item (destination) WHERE redacted <> '';
CREATE INDEX item_by_echo ON item (destination, project, echo) WHERE echo IS NOT NULL;
CREATE UNIQUE INDEX entry_in_flight ON entry (destination, sync_key)
    WHERE state IN ('sending', 'unconfirmed', 'accepted');
CREATE UNIQUE INDEX entry_waiting ON entry (destination, sync_key) WHERE state = 'pending';
CREATE UNIQUE INDEX entry_dead ON entry (destination, sync_key) WHERE state = 'dead';
CREATE INDEX entry_by_rank ON entry (destination, state, major, id);
CREATE INDEX entry_by_due_time ON entry (destination, state, due_at);
CREATE INDEX problem_by_origin ON problem (project, origin);
CREATE TRIGGER item_seen AFTER INSERT ON item BEGIN
    INSERT INTO tally VALUES (new.destination, new.project, new.kind, new.status, 1)
        ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER item_restated AFTER UPDATE OF status ON item WHEN old.status <> new.status BEGIN
    UPDATE tally SET n = n - 1 WHERE destination = old.destination AND project = old.project
        AND kind = old.kind AND status = old.status;
    INSERT INTO tally VALUES (new.destination, new.project, new.kind, new.status, 1)
        ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER item_forgotten AFTER DELETE ON item BEGIN
    UPDATE tally SET n = n - 1 WHERE destination = old.destination AND project = old.project
        AND kind = old.kind AND status = old.status;
END;
CREATE INDEX project_by_id ON project (id, is_worktree, path);
CREATE INDEX entry_by_key ON entry (destination, sync_key, id);
CREATE INDEX entry_by_user_id ON entry (destination, user_id, created_at) WHERE state = 'pending';
CREATE INDEX identity_by_key ON identity (destination, sync_key) WHERE is_former;
CREATE INDEX adoptable_by_local ON adoptable (destination, local);
CREATE INDEX item_with_old_hashes ON item (destination) WHERE has_old_hashes;
CREATE INDEX item_of_global_scope ON item (destination, project)
    WHERE kind = 'best_practice' AND status = 'withheld';
CREATE INDEX owed_deletion_by_key ON owed_deletion (destination, sync_key);
CREATE INDEX kept_by_project ON kept (project, source);
CREATE INDEX item_unfiled ON item (project, destination) WHERE source IN ('remember', 'session');
CREATE INDEX item_twin ON item (destination, project) WHERE moment IS NOT NULL;
COMMIT;
PRAGMA user_version = 9;

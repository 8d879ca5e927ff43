-- A project may have several folders, its linked git worktrees, and a destination of its own.
CREATE TABLE folder (
    path TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    origin TEXT NOT NULL,
    is_worktree INTEGER NOT NULL DEFAULT 0,
    -- Null until the folder's wishes were first read.
    destination INTEGER REFERENCES destination
) WITHOUT ROWID;
INSERT INTO folder (path, id, origin) SELECT path, id, origin FROM project;
DROP TABLE project;
ALTER TABLE folder RENAME TO project;
CREATE INDEX project_by_id ON project (id, is_worktree, path);

-- The worktree that an item's newest revision is from; '' for the project's own folder.
ALTER TABLE item ADD COLUMN tree TEXT NOT NULL DEFAULT '';

-- Without it, each look at an item's entries goes through all entries.
CREATE INDEX entry_by_key ON entry (destination, sync_key, id);

CREATE TABLE mark_of_others (
    project TEXT NOT NULL,
    tree TEXT NOT NULL DEFAULT '',
    source_id TEXT NOT NULL,
    PRIMARY KEY (project, tree, source_id)
) WITHOUT ROWID;
INSERT INTO mark_of_others (project, source_id) SELECT project, source_id FROM foreign_mark;
DROP TABLE foreign_mark;
ALTER TABLE mark_of_others RENAME TO foreign_mark;

-- What of each project goes where, by the project's own folder: what holds, what was ever agreed, and what
-- its own file asks for and its user hasn't agreed to. A project without a row is of an earlier version.
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
CREATE INDEX item_of_global_scope ON item (destination, project)
    WHERE kind = 'best_practice' AND status = 'withheld';

-- Whether a folder has been read as a whole: what others had marked by then counts for all that it held.
ALTER TABLE project ADD COLUMN is_scanned INTEGER NOT NULL DEFAULT 0;
UPDATE project SET is_scanned = 1 WHERE destination IS NOT NULL;

-- When each mark was first seen; those that were there before count for what has been seen until now.
ALTER TABLE foreign_mark ADD COLUMN seen_at REAL NOT NULL DEFAULT 0;
CREATE TABLE last_sight AS SELECT project, MAX(seen_at) AS seen_at FROM item GROUP BY project;
UPDATE foreign_mark SET seen_at =
    COALESCE((SELECT seen_at FROM last_sight WHERE last_sight.project = foreign_mark.project), 0);
DROP TABLE last_sight;

-- The marks that were there long before their decisions, which were sent all the same.
CREATE TABLE early_mark (
    project TEXT NOT NULL,
    source_id TEXT NOT NULL,
    PRIMARY KEY (project, source_id)
) WITHOUT ROWID;

-- The repository that each project is of: a hash of its first commit, '' where that is unknown. `seen` tells
-- whether anything has changed since it was looked for, so many times.
CREATE TABLE origin (
    project TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    -- Whether the project's id is what a file in it asked for, rather than its user or its folder's name.
    id_is_asked INTEGER NOT NULL,
    seen TEXT NOT NULL,
    looked_at REAL NOT NULL,
    looks INTEGER NOT NULL
) WITHOUT ROWID;

-- Other origins that count as a project's own: its history was rewritten, as its user says.
CREATE TABLE same_origin (
    project TEXT NOT NULL,
    origin TEXT NOT NULL,
    PRIMARY KEY (project, origin)
) WITHOUT ROWID;

-- Whose memories are there, as the looks at a user id have shown; '' stands for those that don't say it.
CREATE TABLE stated_origin (
    destination INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    n INTEGER NOT NULL,
    newest TEXT NOT NULL,
    PRIMARY KEY (destination, user_id, origin)
) WITHOUT ROWID;

-- Projects of which nothing is sent, because another repository's memories are under their id. It follows from
-- the three tables above, and is asked for each entry.
CREATE TABLE stopped (
    destination INTEGER NOT NULL,
    project TEXT NOT NULL,
    PRIMARY KEY (destination, project)
) WITHOUT ROWID;

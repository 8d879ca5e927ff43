-- Looks at a user id are counted, and an entry remembers the count when it was made: whether a look was begun
-- after it must not hang on a clock.
ALTER TABLE contact ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN born INTEGER NOT NULL DEFAULT 0;

-- From version 1 of the ledger: what was published and not recorded is worked on again, as any other job.
ALTER TABLE job ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN source TEXT;
ALTER TABLE job ADD COLUMN newest INTEGER;
ALTER TABLE job ADD COLUMN hook TEXT;
ALTER TABLE job ADD COLUMN replacing INTEGER;
UPDATE job SET failures = attempts WHERE outcome != 'no_data';
DELETE FROM job WHERE state = 'published';
DROP INDEX job_open;
CREATE INDEX job_open ON job (state, cluster, job_id, start_time) WHERE state != 'done';
CREATE INDEX job_hook ON job (cluster, job_id, start_time) WHERE hook IS NOT NULL;
CREATE INDEX job_replacing ON job (cluster, job_id, start_time) WHERE replacing IS NOT NULL;
CREATE TABLE source (
    cluster TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    proved  INTEGER NOT NULL,
    PRIMARY KEY (cluster, source)
) WITHOUT ROWID;
CREATE TABLE phase (
    cluster   TEXT    NOT NULL,
    host      TEXT    NOT NULL,
    frequency INTEGER NOT NULL,
    phase     INTEGER NOT NULL,
    PRIMARY KEY (cluster, host, frequency)
) WITHOUT ROWID;
PRAGMA user_version = 2;

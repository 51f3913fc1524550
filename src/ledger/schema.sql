-- ccarchive's own file. One row per job that a sweep touched; a finished job keeps one small row.
CREATE TABLE job (
    cluster          TEXT    NOT NULL,
    job_id           INTEGER NOT NULL,
    start_time       INTEGER NOT NULL,
    -- published: its files are complete, the row may not be written yet; waiting, quarantined, lost, done
    state            TEXT    NOT NULL,
    outcome          TEXT    NOT NULL,
    reason           TEXT,
    stage            TEXT,
    detail           TEXT,
    attempts         INTEGER NOT NULL DEFAULT 0,
    first_try        INTEGER,
    last_try         INTEGER,
    next_try         INTEGER,
    -- expected and received samples; metrics and hosts with gaps as JSON
    expected         INTEGER,
    received         INTEGER,
    unusable         INTEGER,
    gaps             TEXT,
    -- of a published job: what the row was, both files, and what the row becomes
    row_print        INTEGER,
    meta_size        INTEGER,
    meta_crc         INTEGER,
    data_size        INTEGER,
    data_crc         INTEGER,
    data_form        TEXT,
    footprint        TEXT,
    energy_footprint TEXT,
    energy           REAL,
    PRIMARY KEY (cluster, job_id, start_time)
) WITHOUT ROWID;
CREATE INDEX job_open ON job (state) WHERE state != 'done';
-- One row per sweep; old ones are thinned out.
CREATE TABLE run (
    id      INTEGER PRIMARY KEY,
    started INTEGER NOT NULL,
    ended   INTEGER,
    exit    INTEGER,
    figures TEXT
);

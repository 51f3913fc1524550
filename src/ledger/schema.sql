-- ccarchive's own file. One row per job that a sweep touched; a finished job keeps one small row.
CREATE TABLE job (
    cluster    TEXT    NOT NULL,
    job_id     INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    -- provisional, waiting, quarantined, lost, done
    state      TEXT    NOT NULL,
    -- of the last attempt
    outcome    TEXT    NOT NULL,
    reason     TEXT,
    stage      TEXT,
    detail     TEXT,
    -- all attempts, and those of them that count towards quarantine
    attempts   INTEGER NOT NULL DEFAULT 0,
    failures   INTEGER NOT NULL DEFAULT 0,
    -- Unix seconds
    first_try  INTEGER,
    last_try   INTEGER,
    next_try   INTEGER,
    -- the source that is to blame: it cannot have the data of a lost job, had none or could not be read
    source     TEXT,
    -- of a provisional archive: Unix seconds of the cluster's newest data when it was made
    newest     INTEGER,
    -- expected and received samples; metrics and hosts with gaps as JSON
    expected   INTEGER,
    received   INTEGER,
    unusable   INTEGER,
    gaps       TEXT,
    -- samples that others than the first source gave, by source, as JSON; 1 where slots of a source are guessed
    filled     TEXT,
    guessed    INTEGER,
    -- the JSON object that a hook is still to get
    hook       TEXT,
    -- 1 while its archive is being replaced: who finds this was preceded by a sweep that died
    replacing  INTEGER,
    PRIMARY KEY (cluster, job_id, start_time)
) WITHOUT ROWID;
CREATE INDEX job_open ON job (state, cluster, job_id, start_time) WHERE state != 'done';
CREATE INDEX job_hook ON job (cluster, job_id, start_time) WHERE hook IS NOT NULL;
CREATE INDEX job_replacing ON job (cluster, job_id, start_time) WHERE replacing IS NOT NULL;
-- Sources that have held samples of a cluster: only of them "no sample" says something about a job.
CREATE TABLE source (
    cluster TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    -- Unix seconds
    proved  INTEGER NOT NULL,
    PRIMARY KEY (cluster, source)
) WITHOUT ROWID;
-- Where the slots of a host's series begin, modulo their frequency, as the files told it once.
CREATE TABLE phase (
    cluster   TEXT    NOT NULL,
    host      TEXT    NOT NULL,
    -- seconds
    frequency INTEGER NOT NULL,
    phase     INTEGER NOT NULL,
    PRIMARY KEY (cluster, host, frequency)
) WITHOUT ROWID;
-- Samples by host and hour, of the last three days; the hour of a host is that of the job which asked for most in it.
CREATE TABLE hours (
    cluster  TEXT    NOT NULL,
    host     TEXT    NOT NULL,
    -- since 1970
    hour     INTEGER NOT NULL,
    -- what a perfect record of all metrics would hold, and what was there
    expected INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (cluster, host, hour)
) WITHOUT ROWID;
-- One row per sweep; old ones are thinned out.
CREATE TABLE run (
    id      INTEGER PRIMARY KEY,
    started INTEGER NOT NULL,
    ended   INTEGER,
    exit    INTEGER,
    figures TEXT
);

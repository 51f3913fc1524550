-- From version 2 of the ledger: how many samples each host had by hour.
CREATE TABLE hours (
    cluster  TEXT    NOT NULL,
    host     TEXT    NOT NULL,
    hour     INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (cluster, host, hour)
) WITHOUT ROWID;
PRAGMA user_version = 3;

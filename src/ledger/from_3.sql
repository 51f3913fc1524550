-- From version 3 of the ledger: which source gave how many samples.
ALTER TABLE job ADD COLUMN filled TEXT;
ALTER TABLE job ADD COLUMN guessed INTEGER;
PRAGMA user_version = 4;

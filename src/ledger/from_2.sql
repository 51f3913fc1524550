-- From version 2 of the ledger.
ALTER TABLE job ADD COLUMN filled TEXT;
ALTER TABLE job ADD COLUMN guessed INTEGER;
PRAGMA user_version = 3;

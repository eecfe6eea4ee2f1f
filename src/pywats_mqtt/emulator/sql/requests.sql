-- What was asked of the emulator.
CREATE TABLE requests (
  seq INTEGER PRIMARY KEY, at TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL,
  body BLOB NOT NULL, status INTEGER, fault TEXT);

-- Exports: what is handed over to another bridge, until that is revoked or the other bridge is known to have it.
CREATE TABLE export (
  id        TEXT    NOT NULL PRIMARY KEY,
  number    INTEGER NOT NULL,
  at_us     INTEGER NOT NULL,
  state     TEXT    NOT NULL,  -- ports.ExportState
  first_row INTEGER NOT NULL,  -- its rows are above this; one export is open at a time, so they are next to each other
  owed      INTEGER NOT NULL,
  latest    INTEGER NOT NULL,
  refused   INTEGER NOT NULL,
  messages  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE exported (
  row    INTEGER PRIMARY KEY AUTOINCREMENT,
  export TEXT NOT NULL,
  packed BLOB NOT NULL  -- ports.handover.pack_row
);

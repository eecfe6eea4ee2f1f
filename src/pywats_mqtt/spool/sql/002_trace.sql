-- When a batch was stored; 0 of one that an older program stored.
ALTER TABLE batch ADD COLUMN stored_at_us INTEGER NOT NULL DEFAULT 0;

-- What became of messages, for `trace`: a row for each ordered delivery, repeat and named fold, bounded in rows and age.
-- Columns as in ports.Trace. No index but the two below, whose rows come and go: it is searched seldom, and whole.
CREATE TABLE trace (
  id             INTEGER PRIMARY KEY,  -- of the delivery; of what made none another number of the same counter
  subject        TEXT    NOT NULL,
  message_id     TEXT    NOT NULL,
  report_id      TEXT    NOT NULL,
  identity       BLOB    NOT NULL,
  topic          TEXT    NOT NULL,
  received_at_us INTEGER NOT NULL,
  qos            INTEGER NOT NULL,
  retain         INTEGER NOT NULL,
  packet_id      INTEGER NOT NULL,
  batch          INTEGER NOT NULL,
  stored_at_us   INTEGER NOT NULL,
  read_at_us     INTEGER NOT NULL,
  became         TEXT    NOT NULL,
  kind           TEXT    NOT NULL,
  version        INTEGER NOT NULL,
  tries          INTEGER NOT NULL,
  causes         TEXT    NOT NULL,     -- JSON array of [at_us, cause], the last ones
  settled        TEXT    NOT NULL,
  settled_at_us  INTEGER NOT NULL,
  reason         TEXT    NOT NULL,
  left           TEXT    NOT NULL,
  left_at_us     INTEGER NOT NULL,
  left_batch     INTEGER NOT NULL
);
CREATE INDEX trace_folded ON trace (subject, kind) WHERE became = 'folded' AND settled = '';
CREATE INDEX trace_refused ON trace (received_at_us) WHERE settled = 'quarantined' AND left = '';

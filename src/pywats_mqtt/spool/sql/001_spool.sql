-- Messages as received, one packed row for each put(): a row per message costs ten times as much.
CREATE TABLE batch (
  number   INTEGER PRIMARY KEY,  -- grows by one, from 1
  messages BLOB NOT NULL         -- MessagePack array of messages.RawMessage
);

-- Ordered deliveries, each with the message it was made of, for the quarantine if WATS refuses it. No secondary index:
-- it would make draining five times slower.
CREATE TABLE delivery (
  id              INTEGER PRIMARY KEY,  -- counter last_id; never used twice
  key             TEXT    NOT NULL,     -- the line whose order is kept
  kind            TEXT    NOT NULL,
  attempts        INTEGER NOT NULL,
  due_us          INTEGER NOT NULL,     -- not before this time; 0: at once
  messages        INTEGER NOT NULL,     -- 1 where it carries its message's count, else 0
  cause           TEXT    NOT NULL,     -- why the last try failed
  event           BLOB    NOT NULL,     -- events.encode
  topic           TEXT    NOT NULL,     -- from here on as in quarantine
  received_at_us  INTEGER NOT NULL,
  qos             INTEGER NOT NULL,
  retain          INTEGER NOT NULL,
  content_type    TEXT    NOT NULL,
  user_properties TEXT    NOT NULL,
  payload         BLOB    NOT NULL      -- last: a lease reads all before it, and not the pages it overflows to
);

-- Latest deliveries: one row for each asset and kind, for ever; it is what the next event is folded into.
CREATE TABLE latest (
  key             TEXT    NOT NULL,
  kind            TEXT    NOT NULL,
  id              INTEGER NOT NULL,  -- counter last_id
  version         INTEGER NOT NULL,  -- of event; owed while above settled_version
  settled_version INTEGER NOT NULL,
  messages        INTEGER NOT NULL,  -- messages folded and not settled
  attempts        INTEGER NOT NULL,
  due_us          INTEGER NOT NULL,
  settled_at_us   INTEGER NOT NULL,
  owed_since_us   INTEGER NOT NULL,
  received_at_us  INTEGER NOT NULL,  -- of the newest message in it
  topic           TEXT    NOT NULL,
  cause           TEXT    NOT NULL,
  event           BLOB    NOT NULL,
  PRIMARY KEY (key, kind)
) WITHOUT ROWID;

-- Ids of events that were seen, with the digest of their payload.
CREATE TABLE identity (
  key    BLOB    NOT NULL PRIMARY KEY,
  digest BLOB    NOT NULL,
  at_us  INTEGER NOT NULL
) WITHOUT ROWID;

-- QoS 2 packet identifiers between PUBLISH and PUBREL (MQTT 5, 4.3.3).
CREATE TABLE packet (id INTEGER PRIMARY KEY);

CREATE TABLE quarantine (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  topic           TEXT    NOT NULL,
  device          TEXT    NOT NULL,
  reason          TEXT    NOT NULL,
  path            TEXT    NOT NULL,
  received_at_us  INTEGER NOT NULL,
  payload         BLOB    NOT NULL,  -- the message's bytes, or the refused event as JSON where it is a latest one
  kind            TEXT    NOT NULL,  -- message, or the kind of the delivery
  qos             INTEGER NOT NULL,
  retain          INTEGER NOT NULL,
  content_type    TEXT    NOT NULL,
  user_properties TEXT    NOT NULL   -- JSON array of pairs
);

CREATE TABLE note (
  name  TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

-- Kept in the same transactions as what they count, so that no start has to count rows.
CREATE TABLE counter (
  name  TEXT    NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

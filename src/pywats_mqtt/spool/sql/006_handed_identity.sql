-- Where the event is that an identity names: 0 here, or delivered from here; 1 handed over with an export; 2 one of these, of
-- what was heard before this column was.
ALTER TABLE identity ADD COLUMN handed INTEGER NOT NULL DEFAULT 2;

-- Identities of deliveries that were imported, or put back, as they came: this bridge may not be able to read the message.
CREATE TABLE delivery_identity (
  id     INTEGER PRIMARY KEY,  -- of the delivery; gone with it
  key    BLOB    NOT NULL,     -- both as in identity
  digest BLOB    NOT NULL
);

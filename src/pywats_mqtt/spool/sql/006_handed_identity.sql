-- Where the event is that an identity names: 0 here, or delivered from here; 1 handed over with an export; 2 handed back by
-- another bridge, while the export it left with may still be here.
ALTER TABLE identity ADD COLUMN handed INTEGER NOT NULL DEFAULT 0;

-- Where a delivery came from that another bridge handed over; empty where its message came here.
ALTER TABLE trace ADD COLUMN origin TEXT NOT NULL DEFAULT '';

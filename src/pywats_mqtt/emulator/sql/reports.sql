-- `/api/Report`: a header for each report, and its body as it was sent.
CREATE TABLE reports (
  number INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, serialNumber TEXT NOT NULL,
  partNumber TEXT NOT NULL, reportType TEXT NOT NULL, start TEXT NOT NULL, revision TEXT NOT NULL,
  result TEXT NOT NULL, stationName TEXT NOT NULL, location TEXT NOT NULL, purpose TEXT NOT NULL,
  processCode INTEGER NOT NULL, processName TEXT NOT NULL, swFilename TEXT, swVersion TEXT, batchNumber TEXT,
  operator TEXT, comment TEXT, executionTime REAL, timeStamp TEXT NOT NULL, receiveCount INTEGER NOT NULL,
  quarantined INTEGER NOT NULL, firstSeq INTEGER NOT NULL, lastSeq INTEGER NOT NULL, assetStats TEXT,
  testSocketIndex INTEGER, fixtureId TEXT, errorCode INTEGER, errorMessage TEXT, referencedUut TEXT,
  testOperation TEXT, causedUutFailure TEXT, causedUutFailurePath TEXT, reportSize INTEGER NOT NULL);

CREATE INDEX reports_by_start ON reports (start);

CREATE INDEX reports_by_unit ON reports (serialNumber, partNumber, processCode, start);

CREATE TABLE report_bodies (number INTEGER PRIMARY KEY REFERENCES reports, body BLOB NOT NULL);

CREATE INDEX reports_by_referenced ON reports (referencedUut) WHERE referencedUut IS NOT NULL;

-- What headers expand and filter by. A report sent again brings its own.
CREATE TABLE report_sub_units (
  number INTEGER NOT NULL REFERENCES reports, position INTEGER NOT NULL, serialNumber TEXT NOT NULL,
  partNumber TEXT NOT NULL, revision TEXT, partType TEXT NOT NULL, PRIMARY KEY (number, position)) WITHOUT ROWID;

CREATE TABLE report_misc_infos (
  number INTEGER NOT NULL REFERENCES reports, position INTEGER NOT NULL, description TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (number, position)) WITHOUT ROWID;

CREATE INDEX report_misc_infos_by_value ON report_misc_infos (description, value);

-- `/api/Production`: units and what happened to them, batches, serial numbers. Needs products.
CREATE TABLE units (
  number INTEGER PRIMARY KEY AUTOINCREMENT, serialNumber TEXT NOT NULL, partNumber TEXT NOT NULL,
  revision TEXT NOT NULL, parent INTEGER REFERENCES units, batchNumber TEXT, serialDate TEXT NOT NULL,
  currentLocation TEXT, xmlData TEXT, unitPhaseId INTEGER NOT NULL, processCode INTEGER, underTest INTEGER NOT NULL
  DEFAULT 0, UNIQUE (serialNumber, partNumber));

CREATE INDEX units_by_parent ON units (parent);

CREATE VIEW unit_list AS SELECT u.number, u.serialNumber, u.partNumber, u.revision, u.parent,
  p.serialNumber AS parentSerialNumber, u.batchNumber, u.serialDate, u.currentLocation, u.xmlData, u.unitPhaseId,
  CAST(u.processCode AS TEXT) AS processCode, u.underTest FROM units u LEFT JOIN units p ON p.number = u.parent;

CREATE TABLE unit_history (
  number INTEGER PRIMARY KEY AUTOINCREMENT, unit INTEGER NOT NULL REFERENCES units ON DELETE CASCADE,
  date TEXT NOT NULL, property TEXT NOT NULL, value TEXT);

CREATE INDEX unit_history_by_unit ON unit_history (unit);

CREATE TABLE unit_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, unitSerialNumber TEXT NOT NULL, newParentSerialNumber TEXT, newPartNumber TEXT,
  newRevision TEXT, newUnitPhaseId INTEGER);

CREATE TABLE batches (batchNumber TEXT PRIMARY KEY, batchSize INTEGER NOT NULL);

CREATE TABLE serial_number_types (
  name TEXT PRIMARY KEY, description TEXT, format TEXT, regEx TEXT, identifier INTEGER NOT NULL, identifierName TEXT
  NOT NULL);

CREATE TABLE serial_numbers (
  number INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL REFERENCES serial_number_types,
  serialNumber TEXT NOT NULL, taken TEXT, refSN TEXT, refPN TEXT, stationName TEXT, UNIQUE (type, serialNumber));

CREATE INDEX serial_numbers_free ON serial_numbers (type, number) WHERE taken IS NULL;

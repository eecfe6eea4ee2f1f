-- `/api/Asset`: columns have the names of the wire.
CREATE TABLE asset_types (
  typeId TEXT PRIMARY KEY, typeName TEXT NOT NULL UNIQUE COLLATE NOCASE, runningCountLimit INTEGER,
  totalCountLimit INTEGER, maintenanceInterval REAL, calibrationInterval REAL, warningThreshold REAL,
  alarmThreshold REAL, isReadonly INTEGER NOT NULL DEFAULT 0, icon TEXT);

CREATE TABLE assets (
  number INTEGER PRIMARY KEY AUTOINCREMENT, serialNumber TEXT NOT NULL UNIQUE,
  typeId TEXT NOT NULL REFERENCES asset_types, parent INTEGER REFERENCES assets,
  assetName TEXT, partNumber TEXT, revision TEXT, ClientId INTEGER, state INTEGER NOT NULL, description TEXT,
  location TEXT, firstSeenDate TEXT NOT NULL, lastSeenDate TEXT, lastMaintenanceDate TEXT, nextMaintenanceDate TEXT,
  lastCalibrationDate TEXT, nextCalibrationDate TEXT, totalCount INTEGER NOT NULL DEFAULT 0,
  runningCount INTEGER NOT NULL DEFAULT 0, tags TEXT NOT NULL DEFAULT '[]');

CREATE VIEW asset_list AS SELECT a.number, CAST(a.number AS TEXT) AS assetId, a.serialNumber, a.typeId,
  CAST(a.parent AS TEXT) AS parentAssetId, p.serialNumber AS parentSerialNumber, a.assetName, a.partNumber, a.revision,
  a.ClientId, a.state, a.description, a.location, a.firstSeenDate, a.lastSeenDate, a.lastMaintenanceDate,
  a.nextMaintenanceDate, a.lastCalibrationDate, a.nextCalibrationDate, a.totalCount, a.runningCount, a.tags
  FROM assets a LEFT JOIN assets p ON p.number = a.parent;

CREATE TABLE asset_log (
  logId INTEGER PRIMARY KEY AUTOINCREMENT, assetId TEXT NOT NULL, serialNumber TEXT NOT NULL, date TEXT NOT NULL,
  user TEXT NOT NULL, type INTEGER NOT NULL, property TEXT, value TEXT, comment TEXT);

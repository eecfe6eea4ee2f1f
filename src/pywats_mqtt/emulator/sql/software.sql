-- `/api/Software`: columns have the names of the wire. The contents of files are not kept, only their size and hash.
CREATE TABLE virtual_folders (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, parentId TEXT, name TEXT NOT NULL,
  description TEXT NOT NULL, isRestricted INTEGER NOT NULL);

CREATE TABLE packages (
  number INTEGER PRIMARY KEY AUTOINCREMENT, packageId TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  version INTEGER NOT NULL, status TEXT NOT NULL, description TEXT, installOnRoot INTEGER NOT NULL,
  rootDirectory TEXT, priority INTEGER NOT NULL, virtualFolderId TEXT, tags TEXT NOT NULL, created TEXT NOT NULL,
  createdBy TEXT NOT NULL, modified TEXT NOT NULL, modifiedBy TEXT NOT NULL, released TEXT, releasedBy TEXT,
  revoked TEXT, revokedBy TEXT, UNIQUE (name, version));

CREATE TABLE package_files (
  number INTEGER PRIMARY KEY AUTOINCREMENT, packageFileId TEXT NOT NULL UNIQUE,
  packageId TEXT NOT NULL REFERENCES packages (packageId), packageFolderName TEXT NOT NULL COLLATE NOCASE,
  name TEXT NOT NULL COLLATE NOCASE, attributes TEXT NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
  UNIQUE (packageId, packageFolderName, name));

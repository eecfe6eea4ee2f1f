-- `/api/Product`: products, their revisions, and what a revision is built of.
CREATE TABLE products (
  number INTEGER PRIMARY KEY AUTOINCREMENT, productId TEXT NOT NULL UNIQUE, partNumber TEXT NOT NULL UNIQUE, name TEXT,
  description TEXT, nonSerial INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL DEFAULT 1, xmlData TEXT,
  productCategoryId TEXT, productCategoryName TEXT);

CREATE TABLE revisions (
  number INTEGER PRIMARY KEY AUTOINCREMENT, productRevisionId TEXT NOT NULL UNIQUE,
  product INTEGER NOT NULL REFERENCES products, revision TEXT NOT NULL, name TEXT, description TEXT,
  state INTEGER NOT NULL DEFAULT 1, xmlData TEXT, UNIQUE (product, revision));

CREATE VIEW revision_list AS SELECT r.number, r.productRevisionId, p.productId, p.partNumber, r.revision, r.name,
  r.description, r.state, r.xmlData FROM revisions r JOIN products p ON p.number = r.product;

CREATE TABLE box_builds (
  number INTEGER PRIMARY KEY AUTOINCREMENT, relationId TEXT NOT NULL UNIQUE,
  parentId TEXT NOT NULL REFERENCES revisions (productRevisionId),
  childId TEXT NOT NULL REFERENCES revisions (productRevisionId), quantity INTEGER NOT NULL DEFAULT 1, itemNumber TEXT,
  revisionMask TEXT, UNIQUE (parentId, childId));

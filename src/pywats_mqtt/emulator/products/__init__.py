"""`/api/Product`: products, their revisions, and what a revision is built of."""

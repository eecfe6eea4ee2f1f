"""`/api/Asset`: assets, their types, counts and log."""

"""`/api/Production` and `/api/Workflow`: units, what happens to them, batches and serial numbers."""

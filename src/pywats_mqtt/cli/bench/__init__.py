"""`bench`: our figures, measured beside their reference in the same run."""

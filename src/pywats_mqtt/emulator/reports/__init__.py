"""`/api/Report`: what test stations submitted."""

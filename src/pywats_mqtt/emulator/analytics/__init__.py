"""`/api/App`: what a server computes from reports; of its many analyses, the few that a stored header gives."""

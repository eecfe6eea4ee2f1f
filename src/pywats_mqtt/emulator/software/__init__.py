"""`/api/Software`: packages of software, their files, and the virtual folders that order them."""

"""What an operator writes, and what the bridge makes of it."""

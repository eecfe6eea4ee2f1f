"""Clocks that are wrong: how far a device's and the bridge's own are off, and what that means for a start. Pure."""

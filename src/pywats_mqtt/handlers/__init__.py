"""What WATS must be asked to do for an event; against the ports alone."""

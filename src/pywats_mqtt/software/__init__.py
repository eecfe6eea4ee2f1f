"""What follows from what devices say of their software; values in, values out."""

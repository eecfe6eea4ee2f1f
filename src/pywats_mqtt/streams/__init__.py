"""Streams of measurements: samples are put where they belong, kept within a bound, and become steps. Pure."""

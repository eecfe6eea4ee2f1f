"""Writes the README's table of topics: what each becomes, from the code."""

from __future__ import annotations

from itertools import groupby

from pywats_mqtt.adapters.catalog import CATALOG


def markdown() -> str:
    """Write the table; topics that become the same share a row."""
    rows = [
        f"| {', '.join(f'`{topic_filter}`' for topic_filter, _ in topics)} | {becomes} |"
        for becomes, topics in groupby(CATALOG.items(), key=lambda entry: entry[1].becomes)
    ]
    return "\n".join(["| topic | becomes |", "|---|---|", *rows]) + "\n"

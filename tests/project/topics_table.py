"""Writes the README's table of topics: what each becomes, from the code."""

from __future__ import annotations

from itertools import groupby

from pywats_mqtt.adapters.catalog import CATALOG, Topic


def markdown() -> str:
    """Write the table; topics that become the same share a row, which links to how."""
    rows = [
        f"| {', '.join(f'`{topic_filter}`' for topic_filter, _ in topics)} | {becomes} |"
        for becomes, topics in groupby(CATALOG.items(), key=lambda entry: _becomes(entry[1]))
    ]
    return "\n".join(["| topic | becomes |", "|---|---|", *rows]) + "\n"


def _becomes(topic: Topic) -> str:
    links = ", ".join(f"[{words}](docs/decisions/{page}.md)" for words, page in topic.decisions.items())
    return f"{topic.becomes}; {links}" if links else topic.becomes

"""The steps of a report in the order in which a server numbers them. Pure."""

from collections.abc import Iterator

from pywats_mqtt.emulator.fields import JsonObject

PATH_MARK = "¶"
"""What the server's paths have between the names of steps; pywats turns it into `/`."""

_BAD = frozenset("FET")

Path = tuple[str, ...]


def walk(report: JsonObject) -> Iterator[tuple[int, Path, JsonObject]]:
    """Each step with its number, depth-first from 1 for the root, and the names from the root down to it."""
    root = report.get("root")
    if isinstance(root, dict):
        for number, (path, step) in enumerate(_below((), root), 1):
            yield number, path, step


def failing_step(report: JsonObject) -> tuple[int, Path] | None:
    """Number and names of the step that failed the unit: the first bad one with no step below it."""
    for number, path, step in walk(report):
        if step.get("status") in _BAD and not step.get("steps"):
            return number, path
    return None


def _below(above: Path, step: JsonObject) -> Iterator[tuple[Path, JsonObject]]:
    path = (*above, str(step.get("name")))
    yield path, step
    children = step.get("steps")
    for child in children if isinstance(children, list) else []:
        yield from _below(path, child)

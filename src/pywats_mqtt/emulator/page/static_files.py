"""The files of the page, as they are sent."""

from functools import cache
from importlib.resources import files

from pywats_mqtt.emulator.wire import Call, Handler, Refusal, Reply

START = "page.html"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # What devices sent stands on this page: nothing but our own files may run or be loaded, and nobody may frame it.
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # a newer emulator on the same port brings its own page
}


def file_handler(name: str) -> Handler:
    """What answers GET and HEAD for a file of the page.

    Raises:
        Refusal: when called, 404 without such a file.
    """

    def get_file(_call: Call) -> Reply:
        reply = _replies().get(name)
        if reply is None:
            raise Refusal(404, f"The page has no file {name!r}; it begins at /.")
        return reply

    return get_file


@cache
def _replies() -> dict[str, Reply]:
    """Every file by its name; read once, so no name of a request ever meets the file system."""
    return {
        file.name: Reply(file.read_bytes(), headers=_HEADERS, content_type=_TYPES[file.name[file.name.rindex(".") :]])
        for file in (files(__package__) / "static").iterdir()
    }

"""The one file in a multipart/form-data body (RFC 7578, RFC 2046 5.1.1): pure, bytes in, bytes out."""

import re

from pywats_mqtt.emulator.wire import Refusal

_LONGEST_BOUNDARY = 70  # RFC 2046 5.1.1
_BLANK_LINE = b"\r\n\r\n"
_FILE = re.compile(rb"[; ]filename\*?=", re.IGNORECASE)


def is_multipart(body: bytes) -> bool:
    """Whether a body begins as multipart does, with two hyphens and the boundary."""
    return body.startswith(b"--")


def file_in(body: bytes) -> bytes:
    """The content of the first part with a `filename`.

    The boundary is taken from the first line: clients put no text before it, though RFC 2046 lets them.

    Raises:
        Refusal: 400, no boundary, no end, or no file.
    """
    delimiter, _, _ = body[: _LONGEST_BOUNDARY + 4].partition(b"\r\n")
    if len(delimiter) <= len(b"--") or len(delimiter) > _LONGEST_BOUNDARY + len(b"--"):
        raise Refusal(400, "the multipart body begins with no boundary")
    parts = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if len(parts) == 2 or not parts[-1].startswith(b"--"):  # noqa: PLR2004 - before the first boundary, and after it
        raise Refusal(400, "the multipart body ends before its last boundary")
    for part in parts[1:-1]:
        headers, blank, content = part.partition(_BLANK_LINE)
        if blank and _FILE.search(headers):
            return content
    raise Refusal(400, "the multipart body holds no file; send the zip as a part with a filename")

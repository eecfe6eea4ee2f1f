"""What stands before the body of an answer. Pure."""

from http import HTTPStatus

from pywats_mqtt.emulator.wire import Reply

_STATUS_LINES = {status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus}
_WITHOUT_LENGTH = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
"""RFC 9110 8.6 forbids `Content-Length` on the one, and has no use for it on the other."""


def head_of(reply: Reply, date: bytes, *, keep_alive: bool) -> bytes:
    """Status line and headers, with the empty line behind them.

    Args:
        reply: The answer.
        date: Now, as an HTTP date.
        keep_alive: Whether the connection stays open behind the answer.
    """
    status = _STATUS_LINES.get(reply.status) or b"HTTP/1.1 %d \r\n" % reply.status
    parts = [status, b"date: ", date, b"\r\n"]
    for name, value in reply.headers.items():
        parts.append(f"{name.lower()}: {value}\r\n".encode("latin-1"))
    if reply.body:
        parts.append(f"content-type: {reply.content_type}\r\n".encode("latin-1"))
    if reply.status not in _WITHOUT_LENGTH:
        parts.append(b"content-length: %d\r\n" % len(reply.body))
    parts.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    return b"".join(parts)

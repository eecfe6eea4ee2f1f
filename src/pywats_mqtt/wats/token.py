"""The API token: where it comes from, and how a rotated one is picked up."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from pywats_mqtt.config.model import Secret, WatsConfig
from pywats_mqtt.errors import Fatal


class Token:
    """The token in use; from `token_file` where that is set, and then read again when the server refuses it."""

    def __init__(self, text: str, file: str | None) -> None:
        self._secret = Secret(text)
        self._file = file

    @classmethod
    def configured(cls, config: WatsConfig) -> Token:
        """Read the token once, at the start.

        Raises:
            Fatal: there is none, or its file cannot be read.
        """
        if config.token_file is not None:
            return cls(_read(config.token_file), config.token_file)
        if config.token is None:
            raise Fatal("no WATS token: set wats.token, wats.token_file or the environment variable WATS_AUTH_TOKEN")
        return cls(_checked(config.token.reveal(), "wats.token"), None)

    def reveal(self) -> str:
        """Give the token for the one header that carries it."""
        return self._secret.reveal()

    async def renew(self, refused: str) -> bool:
        """Read the file again after a token was refused; True when there is another one to try.

        Several calls are refused at once: for those after the first the new one was found already. A file that is
        missing or empty for the moment, as while it is replaced, leaves the token as it was.
        """
        if self._file is not None and self.reveal() == refused:
            with suppress(Fatal):
                self._secret = Secret(await asyncio.to_thread(_read, self._file))
        return self.reveal() != refused

    def hide_in(self, text: str) -> str:
        """Blot the token out of a text that comes from outside."""
        return text.replace(self.reveal(), "***")


def _read(file: str) -> str:
    try:
        return _checked(Path(file).read_text(encoding="utf-8"), f"wats.token_file {file}")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise Fatal(f"wats.token_file: {file} cannot be read: {reason}") from exc


def _checked(text: str, source: str) -> str:
    """Take a token that a header can carry (RFC 9110, 5.5), without the line end of its file."""
    token = text.strip()
    if not token:
        raise Fatal(f"{source} is empty; put the API token of WATS there")
    if not all("!" <= character <= "~" for character in token):
        raise Fatal(f"{source} holds characters that no token has; put the one line that WATS shows there")
    return token

"""WATS as one handler sees it, and whether the handler asked it anything."""

from __future__ import annotations

from typing import cast

from pywats_mqtt.ports import Wats


class Asked:
    """Passes everything on.

    Attributes:
        was: whether anything was asked.
    """

    def __init__(self, wats: Wats) -> None:
        self._wats = wats
        self.was = False

    def __getattr__(self, name: str) -> object:
        """Give what is asked for."""
        self.was = True
        return getattr(self._wats, name)

    @property
    def wats(self) -> Wats:
        """Itself, as the port it stands for."""
        return cast("Wats", self)

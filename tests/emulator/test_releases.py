"""Which release of a server the emulator is, and what it keeps for its own pages."""

from __future__ import annotations

import pytest

from pywats_mqtt.emulator import Server, Settings, serve
from pywats_mqtt.emulator.access import check_referer
from pywats_mqtt.emulator.wire import Refusal
from tests.emulator.conftest import TOKEN, client_of


@pytest.mark.parametrize(("server", "version"), [(Server.V2025_3, "2025.3.9.824"), (Server.V2026_3, "2026.3.0.0")])
async def test_the_version_is_that_of_the_release(server: Server, version: str) -> None:
    """A client that looks at the version sees the release that was asked for."""
    async with serve(Settings(port=0, server=server)) as running, client_of(running, TOKEN) as http:
        assert (await http.get("/api/App/Version")).json() == version


def test_internal_routes_want_a_referer_of_this_server() -> None:
    """Another page's address, or none, is refused; pywats sends the server's own."""
    host = (b"host", b"wats.example:8088")
    check_referer([host, (b"referer", b"http://wats.example:8088/")])
    check_referer([host, (b"referer", b"http://wats.example:8088")])
    for referer in ([], [(b"referer", b"http://elsewhere/")], [(b"referer", b"http://wats.example:80/")]):
        with pytest.raises(Refusal, match="Referer"):
            check_referer([host, *referer])

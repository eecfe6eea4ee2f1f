"""Whether a handler asked WATS anything is known of each of its turns."""

from __future__ import annotations

from pywats_mqtt.app.asked import Asked
from tests.contract.wats_memory import MemoryWats


async def test_what_is_passed_on_was_asked() -> None:
    """Each turn for itself."""
    wats = MemoryWats()
    one, other = Asked(wats), Asked(wats)
    assert (await one.wats.asset("A")).serial_number == "A"

    assert (one.was, other.was) == (True, False)
    assert [name for name, _, _ in wats.calls] == ["asset"]

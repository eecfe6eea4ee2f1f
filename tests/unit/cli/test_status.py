"""What `status` says in words."""

from __future__ import annotations

import pytest

from pywats_mqtt.cli.status import explain
from pywats_mqtt.observe import Health, status_of
from pywats_mqtt.ports import Figures


@pytest.mark.parametrize(
    ("reachable", "problem", "said"),
    [
        (True, "", "reachable"),
        (True, "429 wait", "reachable, asks for patience: 429 wait"),
        (False, "401 no", "not reached: 401 no"),
        (None, "", "not reached: no call made yet"),
    ],
)
def test_a_server_that_asks_for_patience_is_told_with_its_reason(
    *, reachable: bool | None, problem: str, said: str
) -> None:
    """It is there, and nothing is delivered for as long as it asked for."""
    status = status_of(Figures(), Health(wats_reachable=reachable, wats_problem=problem))
    assert dict(explain(status))["WATS"] == said

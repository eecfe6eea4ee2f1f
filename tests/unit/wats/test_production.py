"""What the answers to saved units mean, where a server says less than is public."""

from __future__ import annotations

from typing import cast

import pytest

from pywats_mqtt.errors import Retry
from pywats_mqtt.ports import Unit
from pywats_mqtt.wats.outcomes import Answer, Call
from pywats_mqtt.wats.production import ProductionCalls
from pywats_mqtt.wats.session import Session

UNIT = Unit(serial_number="U1", part_number="P")


class Answering:
    """A session that answers each call alike."""

    def __init__(self, data: object) -> None:
        self._answer = Answer(status=200, headers={}, body=b"", data=data)

    async def call(self, call: Call, params: dict[str, str | int] | None = None, body: object = None) -> Answer:  # noqa: ARG002
        """Give the answer."""
        return self._answer


def calls(data: object) -> ProductionCalls:
    """Give the calls on a server that answers so."""
    return ProductionCalls(cast("Session", Answering(data)))


@pytest.mark.parametrize("data", [{}, {"insertCount": 1}, {"errorCount": 0}])
async def test_an_answer_that_counts_no_errors_is_a_success(data: object) -> None:
    """To ask again would be to ask for ever, since nothing else comes."""
    assert await calls(data).save_units([UNIT, UNIT]) == [None, None]


async def test_counted_errors_refuse_each_unit_with_what_the_server_said() -> None:
    """Of the reply nothing else is public."""
    outcomes = await calls({"errorCount": 1, "errors": ["no such product"]}).save_units([UNIT])
    assert [str(outcome) for outcome in outcomes] == ["PUT /api/Production/Units: no such product"]


async def test_an_answer_of_another_shape_is_no_answer() -> None:
    """A proxy's page, say: the units are saved again."""
    with pytest.raises(Retry):
        await calls("<html>").save_units([UNIT])

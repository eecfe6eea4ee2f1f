"""What stands against a connection before there is one."""

from __future__ import annotations

import pytest

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.transport.connecting import open_connection
from pywats_mqtt.transport.connection import Connection
from pywats_mqtt.transport.reasons import Refused


@pytest.mark.parametrize("broker", ["mqtt..example.com", ".local", f"{'x' * 64}.example.com"])
async def test_a_name_that_no_host_can_have_is_told_as_that(broker: str) -> None:
    """Python cannot even ask for its address."""

    def make() -> Connection:
        raise AssertionError("nothing is there to connect to")

    with pytest.raises(Refused) as refused:
        await open_connection(MQTTConfig(broker=broker), make)
    assert f"mqtt.broker: {broker!r} is no name of a host" in refused.value.loss.reason

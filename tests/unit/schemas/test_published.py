"""What the bridge publishes is what its schemas say; answers and verdicts are made of the types themselves."""

from __future__ import annotations

from pywats_mqtt.schemas.export import json_schema
from pywats_mqtt.schemas.published import AlarmMessage
from tests.unit.handlers.test_alarms import DUE, Bench
from tests.unit.schemas.validation import is_valid


async def test_an_alarm_of_an_asset_fits_its_schema() -> None:
    """Raised and cleared, with all of its fields declared; its facts stand beside them."""
    bench, document = Bench(), json_schema("alarm-message")
    definitions = document["$defs"]
    assert isinstance(definitions, dict)

    await bench.raise_("warning", deviation=0.3)
    await bench.clear()

    payloads = [payload for _, payload, _ in bench.said if payload is not None]
    assert [payload["level"] for payload in payloads] == ["warning", "warning", "cleared"]
    for payload in payloads:
        assert payload["alarm"] == DUE
        assert is_valid(payload, {"$ref": document["$ref"]}, definitions)
        assert payload.keys() - {"deviation"} == set(AlarmMessage.__struct_fields__)

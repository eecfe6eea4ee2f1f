"""The AsyncAPI 3.0 document of all topics: what the bridge subscribes to and what it publishes. Pure.

It is seen from the bridge, as the specification asks for: it *receives* what devices send and *sends* what they may
subscribe to. Topics are those of `TopicConfig`'s defaults; an operator may set others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import msgspec

from pywats_mqtt.adapters.catalog import CATALOG
from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.schemas.export import MESSAGES, PUBLISHED, components
from pywats_mqtt.topics import template_fields

ASYNCAPI = "3.0.0"
_JSON = "application/json"
_BINDING = "0.2.0"
"""Version of AsyncAPI's MQTT bindings that `qos` and `retain` are of."""
_ABOUT = (
    "Topics of a durable bridge from MQTT devices to a WATS test data server, seen from the bridge. A message with"
    " other fields than these is taken, and what is not known is named. What would break a device gets a message and a"
    " topic of its own."
)
_PARAMETERS = {
    "asset": "Serial number of the asset in WATS.",
    "device": "Id of the device.",
    "tester": "Id of the tester: the machine name on its reports.",
    "line": "Id of the line.",
    "station": "Id of the station.",
    "alarm_type": "What the alarm is about, such as `bridge_offline`.",
    "request_id": "As the device sent it.",
    "bridge": "Client id of the bridge.",
    "kind": "Kind of delivery, such as `test_result`.",
}
_PROPERTIES = {
    "type": "object",
    "properties": {
        "message_id": {"type": "string", "description": "A user property, where the payload has no `message_id`."}
    },
}
"""MQTT 5 user properties that are read."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One topic the bridge publishes on.

    Attributes:
        template: key of `TopicConfig` that holds it.
        below: what follows the template.
        messages: names in `schemas.export.PUBLISHED`.
        text: what is published there, and when.
        retain: whether the broker keeps the last one.
    """

    template: str
    below: str = ""
    messages: tuple[str, ...]
    text: str
    retain: bool = False


SAID: Mapping[str, Said] = {
    "alarms": Said(
        template="alarm_topic",
        messages=("alarm-message",),
        text="What someone should look at now: of the bridge (its Will is `bridge_offline`), of the shop floor, and of"
        " assets when an alarm is raised, changed and cleared.",
    ),
    "asset-alarms": Said(
        template="alarm_topic",
        below="/{asset}",
        messages=("alarm-message",),
        text="The same of an asset's alarm for who comes later: kept while it stands, emptied when it is cleared."
        " Alarms of the bridge that end are kept here under its client id.",
        retain=True,
    ),
    "call-alarms": Said(
        template="alarm_topic",
        below="/{bridge}/{kind}",
        messages=("alarm-message",),
        text="The same of the bridge's alarm `call_refused`, of which one may stand for each kind of delivery.",
        retain=True,
    ),
    "answers": Said(
        template="response_topic",
        messages=("answer-message", "verdict-message"),
        text="The answer to a message with a `request_id`: of a result or repair what became of it, of a software"
        " message the verdict.",
    ),
    "verdicts": Said(
        template="verdict_topic",
        messages=("verdict-message",),
        text="Whether a station runs what WATS has released, whenever that changes.",
        retain=True,
    ),
}
"""Name of each channel to what is published there."""


class _Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A topic with the one operation on it."""

    address: str
    action: str
    messages: tuple[str, ...]
    text: str
    retain: bool = False


def document(version: str) -> str:
    """Write the document as JSON.

    Args:
        version: of the bridge that speaks so.
    """
    broker, channels = MQTTConfig(), dict(_channels())
    written = {
        "asyncapi": ASYNCAPI,
        "info": {"title": "pywats-mqtt", "version": version, "description": _ABOUT, "license": {"name": "MIT"}},
        "defaultContentType": _JSON,
        "servers": {"broker": {"host": f"{broker.broker}:{broker.port}", "protocol": "mqtt", "protocolVersion": "5.0"}},
        "channels": {name: _channel(channel) for name, channel in channels.items()},
        "operations": {f"{c.action}.{name}": _operation(name, c) for name, c in channels.items()},
        "components": {
            "messages": {name: _message(name) for name in (*MESSAGES, *PUBLISHED)},
            "schemas": components([*MESSAGES.values(), *PUBLISHED.values()], "#/components/schemas/{name}"),
        },
    }
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n"


def _channels() -> Iterator[tuple[str, _Channel]]:
    for topic_filter, topic in CATALOG.items():
        who = topic_filter.partition("/")[0].removesuffix("s")
        yield (
            topic_filter.replace("/+/", "."),
            _Channel(
                address=topic_filter.replace("+", f"{{{who}}}"),
                action="receive",
                messages=(topic.message,),
                text=f"Becomes {topic.becomes}.",
            ),
        )
    topics = TopicConfig()
    for name, said in SAID.items():
        address: str = getattr(topics, said.template) + said.below
        yield (
            name,
            _Channel(address=address, action="send", messages=said.messages, text=said.text, retain=said.retain),
        )


def _channel(channel: _Channel) -> dict[str, object]:
    return {
        "address": channel.address,
        "description": channel.text,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in channel.messages},
        "parameters": {
            field: {"description": _PARAMETERS[field]} for field in sorted(template_fields(channel.address))
        },
    }


def _operation(name: str, channel: _Channel) -> dict[str, object]:
    place = f"#/channels/{name}"
    return {
        "action": channel.action,
        "channel": {"$ref": place},
        "summary": channel.text,
        "messages": [{"$ref": f"{place}/messages/{message}"} for message in channel.messages],
        "bindings": {"mqtt": {"qos": 1, "retain": channel.retain, "bindingVersion": _BINDING}},
    }


def _message(name: str) -> dict[str, object]:
    declared = (MESSAGES | PUBLISHED)[name]
    written: dict[str, object] = {
        "name": name,
        "title": declared.__name__,
        "contentType": _JSON,
        "payload": {"$ref": f"#/components/schemas/{declared.__name__}"},
    }
    if name in MESSAGES:
        written["headers"] = _PROPERTIES
        written["examples"] = [
            {"name": topic_filter, "payload": topic.example}
            for topic_filter, topic in CATALOG.items()
            if topic.message == name
        ]
    return written

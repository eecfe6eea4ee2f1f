"""The reference of `bench latency`: subscribes with paho, posts each result where it gets it, keeps nothing."""

from __future__ import annotations

import json
import sys

import httpx
import msgspec
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from pywats_mqtt.cli.bench.program import TOKEN
from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import TestResult
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Rejection
from pywats_mqtt.wats.reports import wsjf

FILTER = "testers/+/results"


class _Settings(msgspec.Struct):
    port: int
    url: str


def _serve(settings: _Settings) -> None:
    routes, wats = RouteTable(TopicConfig()), WatsConfig(url=settings.url)
    headers = {"Authorization": f"Basic {TOKEN}", "Content-Type": "application/json"}
    http = httpx.Client(base_url=settings.url, headers=headers, trust_env=False)

    def subscribe(
        client: Client, _data: object, _flags: ConnectFlags, _code: ReasonCode, _properties: Properties | None
    ) -> None:
        client.subscribe(FILTER, qos=1)

    def post(_client: Client, _data: object, message: MQTTMessage) -> None:
        outcome = interpret(RawMessage(message.topic, bytes(message.payload), 0, message.qos), routes)
        if not isinstance(outcome, Rejection):
            for identified in outcome:
                if isinstance(identified.event, TestResult):
                    body = msgspec.json.encode(wsjf(identified.event, wats))
                    http.post("/api/Report/WSJF", content=body).raise_for_status()

    client = Client(CallbackAPIVersion.VERSION2, client_id="bench-reference", protocol=MQTTv5)
    client.on_connect = subscribe
    client.on_message = post
    client.connect("127.0.0.1", settings.port)
    client.loop_forever()


if __name__ == "__main__":
    _serve(msgspec.convert(json.loads(sys.argv[1]), _Settings))

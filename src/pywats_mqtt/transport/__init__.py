"""The shells towards an MQTT broker: everything that knows a socket or an MQTT library."""

from __future__ import annotations

from pywats_mqtt.transport.session import MqttSession

__all__ = ["MqttSession"]

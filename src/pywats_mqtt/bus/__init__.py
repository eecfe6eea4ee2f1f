"""pywats_events: a transport that brings MQTT to a bus, and handlers that bring a bus to WATS.

```python
bus = AsyncEventBus()
bus.register_transport(MQTTTransport(MQTTConfig(broker="127.0.0.1"), TopicConfig()))
async with register_wats_handlers(bus, WatsConfig(url="https://company.wats.com", token=Secret("…"))):
    await bus.start()
    …
    await bus.stop()
```

The daemon (`pywats-mqtt run`) needs no bus: it brings MQTT to WATS directly, exactly once, folds telemetry and answers
devices. Take the bus where other transports or handlers of yours are on it.
"""

from pywats_mqtt.bus.transport import MQTTTransport
from pywats_mqtt.bus.wats_handlers import WatsDelivery, WatsHandler, register_wats_handlers

__all__ = ["MQTTTransport", "WatsDelivery", "WatsHandler", "register_wats_handlers"]

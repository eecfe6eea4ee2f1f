"""A durable bridge from MQTT devices to a WATS test data server."""

"""A simulated fleet: fixtures, testers and jigs that publish numbered messages over MQTT.

It is a program of its own, to test the bridge with. It builds its payloads itself, as plain JSON, and knows nothing of
what the bridge makes of them; `reconcile` compares the two ends.
"""

"""The shells towards an MQTT broker: everything that knows a socket or an MQTT library.

`session` is the MQTT 5 session over the network, `memory_session` keeps the same promises on the in-memory broker of
`memory`, and `embedded` is a broker in a child process. The other modules are theirs.
"""

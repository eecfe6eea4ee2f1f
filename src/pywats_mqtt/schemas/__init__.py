"""What devices send: the messages on the wire, as declared types.

Unknown fields are welcome (a newer device must not be refused), a field that is null counts as not sent, and the JSON
Schemas in `docs/schemas` are exported from these declarations.
"""

"""A case is a folder: `<adapter>/<case>/` with `topic.txt`, `message.json` and `expected.json`.

`topic.txt` has the topic in its first line; further lines may say `retained`, `strict_ids`, `filter TOPIC_FILTER` (in
place of the default ones) or `property NAME=VALUE` (an MQTT 5 user property). `message.json` holds the payload's bytes,
whatever they are, less one newline at the end. A new device needs a folder and no code:
`python -m tests.cases.runner FOLDER` writes its `expected.json`, to be read before it is committed.
"""

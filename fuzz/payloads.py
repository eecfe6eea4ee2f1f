"""Target: a topic, a line feed, and a payload; whatever they are, the message is refused, or can be stored and routed.

`python -m fuzz.payloads --runs N`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fuzz.driving import drive

CASES = Path(__file__).parents[1] / "tests" / "cases"

LONGEST_REASON = 2_000
"""Characters of a reason, or of a path: a person has to read it."""


def load() -> Callable[[bytes], None]:
    """Import the way of a message from its bytes to what is stored, and give the check of one input."""
    from pywats_mqtt.bus.wats_handlers import ROUTES  # noqa: PLC0415 - under the fuzzer's eyes
    from pywats_mqtt.config.topics import TopicConfig  # noqa: PLC0415
    from pywats_mqtt.events import decode, encode  # noqa: PLC0415
    from pywats_mqtt.folding.updates import gathered  # noqa: PLC0415
    from pywats_mqtt.interpret import RouteTable, interpret, unknown_fields  # noqa: PLC0415
    from pywats_mqtt.messages import RawMessage  # noqa: PLC0415
    from pywats_mqtt.ports import Rejection  # noqa: PLC0415
    from pywats_mqtt.spool.routing import decide  # noqa: PLC0415
    from pywats_mqtt.spool.tables import pack_messages  # noqa: PLC0415

    routes = RouteTable(TopicConfig(), first=ROUTES)

    def check(data: bytes) -> None:
        first, _, payload = data.partition(b"\n")
        topic = first.decode(errors="ignore")
        message = RawMessage(topic, payload, 1_769_428_800_000_000, 1)
        outcome = interpret(message, routes)
        if isinstance(outcome, Rejection):
            if not outcome.reason or max(len(outcome.reason), len(outcome.path)) > LONGEST_REASON:
                raise AssertionError(f"a reason nobody can read: {outcome!r:.3000}")
            outcome.reason.encode()
            outcome.path.encode()
        else:
            for identified in outcome:
                if decode(encode(identified.event)) != identified.event:
                    raise AssertionError(f"does not come back from the spool: {identified.event!r:.3000}")
            ", ".join(unknown_fields(message, outcome, routes)[1]).encode()
        twice = [message, RawMessage(topic, payload, message.received_at_us, 1)]
        decide(twice, gathered(twice, [outcome, outcome]), {}, lambda _pair: None)
        pack_messages([message])

    return check


def corpus() -> Sequence[bytes]:
    """Take the messages of all cases."""
    return [
        (folder.parent / "topic.txt").read_bytes().strip() + b"\n" + folder.read_bytes()
        for folder in sorted(CASES.rglob("message.json"))
        if folder.stat().st_size < 20_000  # noqa: PLR2004 - large ones are slow to change, and say nothing more
    ]


if __name__ == "__main__":
    drive(load, corpus)

"""What a result says and we do not read, so that a misspelt key does not vanish in silence.

Nothing is refused for it: a newer device is welcome.
"""

from __future__ import annotations

import msgspec

from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.schemas.report import ResultMessage, StepMessage
from pywats_mqtt.schemas.scalars import is_sent

UNREAD = "unread_fields"
"""Name of the misc info."""

_RESULT = frozenset(ResultMessage.__struct_fields__)
_STEP = frozenset(StepMessage.__struct_fields__)
_NOT_SENT = msgspec.Raw()
_NO_TEXT = "a name that is not UTF-8"

_result = msgspec.json.Decoder(dict[str, msgspec.Raw])
_steps = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def unread_fields(payload: bytes) -> str:
    """Name the keys of a result, and of its steps as `steps[].key`, that a result message has no field for.

    Args:
        payload: of a message that was decoded as a result.

    Returns:
        The names in order, at most 100 characters with `…` at the end where it was cut; empty for none.
    """
    try:
        sent = _result.decode(payload)
        steps = sent.get("steps", _NOT_SENT)
        in_steps = set[str]().union(*_steps.decode(steps)) if is_sent(steps) else set[str]()
    except UnicodeDecodeError:
        return _NO_TEXT
    unread = [_shown(key) for key in sent.keys() - _RESULT]
    unread += [f"steps[].{_shown(key)}" for key in in_steps - _STEP]
    return cut(", ".join(sorted(unread)))


def _shown(key: str) -> str:
    return key if key.isprintable() and key.strip() else repr(key)

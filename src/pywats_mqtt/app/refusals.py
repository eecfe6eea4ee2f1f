"""The alarms of what a person has to mend in WATS: a token that is refused, a kind of call without its permission."""

from __future__ import annotations

from typing import Final

from pywats_mqtt.app.standing import BridgeAlarms

TOKEN: Final = "token_refused"  # noqa: S105 - an alarm
CALL: Final = "call_refused"


def tell_refusal(alarms: BridgeAlarms, call: str, problem: str) -> None:
    """Raise the alarm, or clear it where there is no problem any more.

    Args:
        alarms: where.
        call: kind of delivery whose call is refused; empty for the token.
        problem: what WATS answered, and what to do; empty where it takes it.
    """
    alarm, facts = (CALL, {"call": call}) if call else (TOKEN, {})
    if problem:
        alarms.raise_(alarm, "alarm", facts | {"problem": problem}, of=call)
    else:
        alarms.clear(alarm, facts, of=call)

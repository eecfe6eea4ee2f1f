"""What an asset did: times in states, and parts made."""

from __future__ import annotations

from pywats_mqtt.adapters.context import Context, first_sent, message_id, speaker
from pywats_mqtt.adapters.heads import received_id, whole
from pywats_mqtt.adapters.texts import check_number
from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.adapters.unread import unread_fields
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import NO_PARTS, AssetUtilization, Identified, Identity, Parts, identify, payload_digest
from pywats_mqtt.schemas.scalars import is_sent, text_of
from pywats_mqtt.schemas.utilization import WEEK_S, UtilizationMessage, decoder

_STATE_CHARACTERS = 100
_MOST_STATES = 50
_SAID = "states, state, a count or ideal_cycle_s"


def read(context: Context) -> tuple[Identified, ...]:
    """Decode a utilization message and tell what it says.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    payload = context.message.payload
    if not payload:
        return ()  # a retained message was cleared (MQTT 5, 3.3.1.3)
    return adapt(decoder.decode(payload), context, unread=unread_fields(payload, UtilizationMessage))


def adapt(sent: UtilizationMessage, context: Context, *, unread: str = "") -> tuple[Identified, ...]:
    """Turn a message into its event; a mere heartbeat has none.

    What was added since the last message is not taken from a retained one: the broker sends it again at each new
    subscription. Its state and counters are.

    Args:
        sent: the message.
        context: what is known beside it.
        unread: names of the fields that were not read, in one text.

    Raises:
        Reject: the asset is one that WATS takes no report of, it has unknown fields only, or a value does not fit.
    """
    own, path = first_sent((sent.asset_id, "$.asset_id"), (sent.device_id, "$.device_id"))
    asset, _ = speaker(context, own, path)
    check_number(asset, path if is_sent(own) and not context.device else "$")  # reports of its shifts bear it
    retained = context.message.retain
    states = {} if retained else _states(sent)
    said = _identity(asset, sent, context)
    counted = _parts("count", sent.total_count, sent.good_count, sent.rejected_count)
    event = AssetUtilization(
        id=received_id(context, ("asset_utilization", asset)) if said is None else said.id,
        asset=asset,
        at_us=_at_us(sent, context.message.received_at_us),
        states=states,
        state="" if states or not sent.state else _word(sent.state),
        planned_s=None if retained else sent.planned_s,
        counted=counted,
        added=NO_PARTS if retained else _added(sent, counted),
        ideal_cycle_s=sent.ideal_cycle_s,
        unread=unread,
    )
    if event.states or event.state or event.ideal_cycle_s or event.counted != NO_PARTS or event.added != NO_PARTS:
        return (Identified(event, said),)
    if unread and not retained:
        raise Reject(f"expected one of {_SAID}; got only {unread}")
    return ()


def _states(sent: UtilizationMessage) -> dict[str, float]:
    states: dict[str, float] = {}
    for name, seconds in (sent.states or {}).items():
        word = _word(name)
        if not word:
            raise Reject("a state needs a name", path='$.states[""]')
        if seconds:
            states[word] = states.get(word, 0.0) + seconds
    if len(states) > _MOST_STATES:
        raise Reject(f"has {len(states)} states; at most {_MOST_STATES}", path="$.states")
    together = sum(states.values())
    if together > WEEK_S:
        raise Reject(f"is {together:g} s together; a message tells of a week ({WEEK_S} s) at most", path="$.states")
    return states


def _word(text: str) -> str:
    return text.strip().lower()[:_STATE_CHARACTERS]


def _parts(kind: str, total: float | None, good: float | None, rejected: float | None) -> Parts:
    """Give total and good; of three numbers two give the third."""
    if rejected is not None and total is None and good is None:
        raise Reject(f"tells nothing without total_{kind} or good_{kind}", path=f"$.rejected_{kind}")
    if rejected is not None and total is None and good is not None:
        total = good + rejected
    elif rejected is not None and good is None and total is not None and rejected <= total:
        good = total - rejected
    return Parts(whole(total), whole(good))


def _added(sent: UtilizationMessage, counted: Parts) -> Parts:
    """Give what was made since the last message, without what a counter in the same message tells as well."""
    for name, part in (("good_added", sent.good_added), ("rejected_added", sent.rejected_added)):
        if part is not None and sent.total_added is not None and part > sent.total_added:
            raise Reject(f"is {part:g}, more than the {sent.total_added:g} of total_added", path=f"$.{name}")
    added = _parts("added", sent.total_added, sent.good_added, sent.rejected_added)
    return Parts(
        added.total if counted.total is None else None,
        added.good if counted.good is None else None,
    )


def _at_us(sent: UtilizationMessage, received_us: int) -> int:
    if not is_sent(sent.timestamp):
        return received_us
    moment_us, _ = time_of(sent.timestamp, "$.timestamp")
    return moment_us if is_plausible(moment_us, received_us) else received_us


def _identity(asset: str, sent: UtilizationMessage, context: Context) -> Identity | None:
    """Identify it by `message_id`, else by its number and time, else by its time and content; all as sent.

    A number alone does not tell, since a device may start its numbers again; nor does a time alone, since two messages
    may come in one second.
    """
    payload = context.message.payload
    named = message_id(context, sent.message_id)
    if named:
        return identify(("asset_utilization", asset, named), payload)
    sequence, timestamp = text_of(sent.sequence, "$.sequence"), text_of(sent.timestamp, "$.timestamp")
    if sequence:
        return identify(("asset_utilization", asset, sequence, timestamp), payload)
    if timestamp:
        return identify(("asset_utilization", asset, timestamp, payload_digest(payload).hex()), payload)
    return None

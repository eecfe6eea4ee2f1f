"""The states of a delivery."""

from __future__ import annotations

from itertools import product

import pytest

from pywats_mqtt.events import AssetState
from pywats_mqtt.ports import Delivery, Done, Refused, Rejection, RetryAt, Settlement
from pywats_mqtt.spool.states import TRANSITIONS, Move, State, advance, settled

DELIVERY = Delivery(id=1, key="X", kind="asset_state", event=AssetState(asset="X", status="idle"))


def test_every_move_that_is_not_in_the_table_is_refused() -> None:
    """Five moves exist; whoever tries another has a mistake, and is told what to do."""
    allowed = {}
    for state, move in product(State, Move):
        try:
            allowed[state, move] = advance(state, move)
        except ValueError as error:
            assert str(error) == (  # noqa: PT017 - most pairs raise, and which do is the question
                f"a delivery that is {state.value} cannot {move.value}: lease it first, settle it once"
            )
    assert allowed == dict(TRANSITIONS)
    assert len(allowed) == 5


def test_what_is_done_or_in_quarantine_stays_so() -> None:
    """There is no way out of an end."""
    assert not [state for state, _ in TRANSITIONS if state in {State.DONE, State.QUARANTINED}]


@pytest.mark.parametrize(
    ("settlement", "after"),
    [
        (Done(DELIVERY), State.DONE),
        (RetryAt(DELIVERY, 0, "503", uses_attempt=False), State.WAITING),
        (Refused(DELIVERY, Rejection("no")), State.QUARANTINED),
    ],
)
def test_a_settlement_ends_a_lease(settlement: Settlement, after: State) -> None:
    """Each outcome has its state, and only a lease can be settled."""
    assert settled(State.LEASED, settlement) is after
    with pytest.raises(ValueError, match="lease it first"):
        settled(State.WAITING, settlement)

"""A device's own counters are numbers that the spool can keep."""

from __future__ import annotations

import pytest

from pywats_mqtt.errors import Reject
from pywats_mqtt.schemas.asset import own_counters


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**40, 10**400])
def test_a_whole_number_of_more_than_64_bits_is_refused(number: int) -> None:
    """With its place: it could not be stored, and would be told as a defect."""
    with pytest.raises(Reject) as refused:
        own_counters(b'{"counters": {"good": %d}}' % number)
    assert refused.value.path == "$.counters.good"


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0, 1.5])
def test_others_are_kept(number: float) -> None:
    """As they were sent."""
    assert own_counters(f'{{"counters": {{"good": {number}}}}}'.encode()) == {"good": number}

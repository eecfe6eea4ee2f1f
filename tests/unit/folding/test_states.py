"""What is known of an asset's state when its words are folded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import AssetState
from pywats_mqtt.folding import capped, fold

RUNNING, MAINTENANCE = 1, 3
WORDS = {"running": RUNNING, "maintenance": MAINTENANCE, "idle": None, "online": None}


def said(word: str, at_us: int) -> AssetState:
    """An asset says a word."""
    return AssetState(asset="F1", status=word, state=WORDS[word], as_of_us=at_us)


def folded(*states: AssetState) -> AssetState:
    """Fold them one after the other."""
    known: AssetState | None = None
    for state in states:
        after = fold(known, state)
        assert isinstance(after, AssetState)
        known = after
    assert known is not None
    return known


def test_a_word_that_means_no_state_leaves_the_one_before() -> None:
    """Maintenance, running, idle: what is owed is the state of running, and the word idle."""
    known = folded(said("maintenance", 10), said("running", 20), said("idle", 30), said("online", 40))
    assert known == AssetState(asset="F1", status="online", state=RUNNING, state_us=20, as_of_us=40)
    assert folded(known, said("maintenance", 50)) == said("maintenance", 50)


def test_a_time_ahead_is_capped_in_both_places() -> None:
    """No word was said later than it was received."""
    known = folded(said("running", 20), said("idle", 30))
    assert capped(known, 10) == AssetState(asset="F1", status="idle", state=RUNNING, state_us=10, as_of_us=10)


@given(st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=8), st.integers(0, 7))
def test_folding_in_parts_comes_to_the_same(words: list[str], cut: int) -> None:
    """A batch is folded before it is folded into what is known; the state is that of the last word that means one."""
    states = [said(word, 10 * place) for place, word in enumerate(words, 1)]
    first, rest = states[:cut], states[cut:]
    known = folded(*states)
    assert known == (folded(*first, folded(*rest)) if rest else folded(*first))
    meant = [state.state for state in states if state.state is not None]
    assert known.state == (meant[-1] if meant else None)

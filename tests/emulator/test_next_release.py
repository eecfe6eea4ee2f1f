from __future__ import annotations

from pathlib import Path

import pytest

from tests.next_release import ROOT, pass_with_next_release

SUITE = sorted(str(module.relative_to(ROOT)) for module in Path(__file__).parent.glob("test_*pywats.py"))
"""Every module in which the real client talks to the emulator, by its name: `test_pywats.py`, `test_…_pywats.py`."""


@pytest.mark.slow
def test_every_call_is_the_same_with_the_next_release() -> None:
    """Each call succeeds or fails with the next release as it does with ours, or says in its test what is different."""
    assert "tests/emulator/test_reports_pywats.py" in SUITE
    pass_with_next_release(SUITE)

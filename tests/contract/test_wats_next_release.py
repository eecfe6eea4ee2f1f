from __future__ import annotations

import pytest

from tests.next_release import pass_with_next_release

SUITE = [
    "tests/contract/test_wats_calls.py",
    "tests/contract/test_wats_check.py",
    "tests/contract/test_wats_contract.py",
    "tests/contract/test_wats_failures.py",
    "tests/contract/test_wats_library.py",
    "tests/contract/test_wats_limits.py",
    "tests/contract/test_wats_production.py",
    "tests/contract/test_wats_transport.py",
    "tests/unit/wats/test_reports.py",
]


@pytest.mark.slow
def test_the_suite_passes_with_the_next_release() -> None:
    """The suite of the port `Wats` passes with the next release of pywats, too."""
    pass_with_next_release(SUITE)

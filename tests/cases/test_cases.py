"""Each case's message gives the events, or the refusal, that its folder expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.runner import CASES, expected, folders, outcome


@pytest.mark.parametrize("folder", folders(), ids=lambda path: str(path.relative_to(CASES)))
def test_case(folder: Path) -> None:
    """A message in, its events out, with their identities."""
    assert outcome(folder) == expected(folder)


@pytest.mark.parametrize("domain", ["asset", "report", "repair", "software", "production"])
def test_each_domain_has_cases(domain: str) -> None:
    """No domain of the configuration is without an example of what it reads, or of its refusal."""
    assert [folder for folder in folders() if folder.parent.name == domain]

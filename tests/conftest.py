"""What holds for all tests: nothing is skipped in CI, and how long hypothesis looks."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

IN_CI = os.environ.get("CI") == "true"

# No deadline: machines are shared, and a slow example proves nothing. Random, also in CI: each run looks elsewhere, and
# a failure prints what reproduces it.
settings.register_profile("developer", deadline=None, print_blob=True, derandomize=False, max_examples=100)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=False, max_examples=200)
settings.load_profile("ci" if IN_CI else "developer")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what would be skipped in CI: a missing part must not pass for a tested one."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a module that skips itself while it is collected."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not IN_CI or report.outcome != "skipped":
        return
    report.outcome = "failed"
    where_and_why = report.longrepr
    why = where_and_why[2] if isinstance(where_and_why, tuple) else str(where_and_why)
    report.longrepr = f"{why}\nIn CI (CI=true) nothing may be skipped."

"""Debian's Chromium, driven by playwright: the browser that looks at the emulator's page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, ViewportSize, sync_playwright

INSTALL = "chromium is missing; install it with: apt-get install chromium"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
WAIT_MS = 15_000
"""Longest wait for what the page shows; it asks every two seconds, and a shared machine may be slow."""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A browser with a fresh profile; skips the test where there is none, but fails in CI, where nothing is skipped."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(INSTALL)
        pytest.skip(INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page in a window of its own, and everything it asked for or complained about."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": DESKTOP, **options})
        self.context.set_default_timeout(WAIT_MS)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        # That a report is not there, the browser tells its console by itself.
        if "/_emulator/reports/" not in message.location["url"]:
            self.complaints.append(message.text)

"""The page at `/` in a real browser, on an emulator in a process of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.emulator.chromium import DESKTOP, WAIT_MS, Visit, running_chromium
from tests.emulator.examples import numeric_step, repair, report
from tests.emulator.hostile import HOSTILE, hostile, hostile_report
from tests.emulator.page_story import (
    FAILED_ID,
    FUTURE_ID,
    REPAIR_ID,
    api_of,
    make_asset,
    make_package,
    passed,
    send,
    tell,
)
from tests.emulator.server import RunningEmulator, running_emulator, start_emulator

PHONE = {"width": 360, "height": 740}
SCROLLS = "node => node.scrollWidth > node.clientWidth"
BROKEN_WORDS = """tables => tables.flatMap((table) => {
  const texts = document.createTreeWalker(table.tBodies[0], NodeFilter.SHOW_TEXT), broken = [], range = new Range();
  while (texts.nextNode()) {
    for (const word of texts.currentNode.data.matchAll(/[^\\s-]+/g)) {
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      if (word[0].length < 20 && range.getClientRects().length > 1) broken.push(word[0]);
    }
  }
  return broken;
})"""
WHOLE_PAGE_SCROLLS = "document.documentElement.scrollHeight > innerHeight"

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def started() -> Iterator[RunningEmulator]:
    """One emulator for all tests here; see `emulator`."""
    with running_emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(started: RunningEmulator) -> RunningEmulator:
    """An emulator that has forgotten what the test before told it."""
    started.reset()
    return started


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A desktop window; when the test is over, all requests went to the page's own origin, and nothing complained."""
    visit = Visit(browser)
    yield visit
    visit.context.close()
    origins = {httpx.URL(url).copy_with(path="/", query=None) for url in visit.asked}
    assert len(origins) == 1, origins
    assert visit.complaints == []


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page of that window."""
    return visit.page


def row(page: Page, words: str) -> Locator:
    """The row of the list that holds these words."""
    return page.locator("#rows tbody tr", has_text=words)


def step(page: Page, name: str) -> Locator:
    """The row of a step or a measurement with this name."""
    return page.locator("table.steps tbody tr", has=page.locator(".name").get_by_text(name, exact=True))


def test_the_page_opens_with_the_reports_and_counts_everything(emulator: RunningEmulator, page: Page) -> None:
    """Newest first, each result in a word; every tab has its number, and the release is named."""
    tell(emulator, good=3)
    page.goto(emulator.url)
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(6)
    expect(rows.first).to_contain_text(re.compile(r"C26-1999.*Passed.*Quarantined.*End of line test.*ST1"))
    expect(row(page, "C26-1042").last).to_contain_text("Failed")
    expect(page.locator("#server")).to_have_text("WATS 2025.3 (2025.3.9.824)")
    tabs = page.get_by_role("navigation")
    for name in ("Assets 3", "Reports 6", "Units 4", "Packages 2", "Faults 1"):
        expect(tabs.get_by_role("link", name=name, exact=True)).to_be_visible()
    expect(tabs.get_by_role("link", name="Reports")).to_have_attribute("aria-current", "page")
    expect(page.locator("#shown")).to_have_text("6 reports")
    for heading in page.locator("#rows thead th").all():
        assert heading.get_attribute("scope") == "col"


def test_a_failed_report_shows_where_it_failed(emulator: RunningEmulator, page: Page) -> None:
    """Steps stand below their sequences with value, unit, limits and comparison; what failed says so in a word."""
    tell(emulator, good=0)
    page.goto(f"{emulator.url}/#/reports/{FAILED_ID}")
    expect(page.locator("#detail h2")).to_have_text("CTRL-40 C26-1042")
    expect(page.locator("#detail .lead")).to_have_text("✗ Failed")
    expect(step(page, "1V8")).to_have_text(re.compile(r"1V8\W*Failed1.62 V1.75 ≤ x ≤ 1.85 GELE"))
    expect(step(page, "3V3")).to_contain_text("Passed")
    expect(step(page, "Ripple")).to_contain_text("< 50 LT")
    expect(step(page, "Firmware")).to_contain_text("= 2.4.1 EQ")
    expect(step(page, "Rails")).to_contain_text("failed the unit")
    expect(page.get_by_text("failed the unit")).to_have_count(1)
    expect(page.get_by_text("1V8 is low under load; check L3.")).to_be_visible()
    expect(page.get_by_text("board.png · image/png · 8 bytes")).to_be_visible()
    indents = [step(page, name).locator(".indent").evaluate("node => getComputedStyle(node).paddingLeft")
               for name in ("Power", "Regulators", "Rails", "1V8")]  # fmt: skip
    assert indents == ["16px", "32px", "48px", "64px"]
    detail = page.locator("#detail")
    rows = {
        "Lot": "2026-W01",
        "Cell": "4",
        "P7781": "PSU-12BPower board",
        "FIX-001": "1847847",
        "FIX-404": "asset 'FIX-404'",
    }
    for name, words in rows.items():
        expect(detail.get_by_role("row", name=name)).to_contain_text(words)


def test_a_chart_is_drawn(emulator: RunningEmulator, page: Page) -> None:
    """Each series is a line through its points, named in a legend; the axes say from where to where."""
    tell(emulator, good=0)
    page.goto(f"{emulator.url}/#/reports/{FAILED_ID}")
    figure = page.locator("figure", has_text="Inrush current")
    expect(figure.get_by_role("img", name="Inrush current")).to_be_visible()
    expect(figure).to_contain_text("Time: 0 to 18 ms")
    expect(figure).to_contain_text("Current: 0 to 6 A")
    points = [line.get_attribute("points") or "" for line in figure.locator("polyline").all()]
    assert [len(line.split(" ")) for line in points] == [11, 4]
    assert points[0].startswith("6.0,134.0 23.1,")
    assert [item.inner_text().strip() for item in figure.locator("li").all()] == ["measured", "limit"]


def test_steps_fold_and_only_failures_can_be_shown(emulator: RunningEmulator, page: Page) -> None:
    """A sequence hides its steps; the failures alone keep the sequences they are in. Both outlast a change."""
    tell(emulator, good=0)
    page.goto(f"{emulator.url}/#/reports/{FAILED_ID}")
    page.get_by_label("Only what failed").check()
    for name, visible in (("Power", True), ("Rails", True), ("1V8", True), ("3V3", False), ("Firmware", False)):
        expect(step(page, name)).to_be_visible(visible=visible)
    fold = page.get_by_role("button", name="Steps of Regulators")
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(step(page, "1V8")).to_be_hidden()
    with api_of(emulator) as api:
        again = report(id=FAILED_ID, sn="C26-1042", result="F")
        again["root"]["steps"] = [numeric_step("Only one", status="F"), numeric_step("Good one")]
        send(api, again)
    expect(step(page, "Only one")).to_be_visible()
    expect(step(page, "Good one")).to_be_hidden()
    expect(page.locator("#detail")).to_contain_text("2 times, first in request")


def test_a_repair_and_a_report_from_the_future(emulator: RunningEmulator, page: Page) -> None:
    """A repair shows its failures and leads to what it repaired; a quarantined report says why nobody sees it."""
    tell(emulator, good=0)
    page.goto(f"{emulator.url}/#/reports/{REPAIR_ID}")
    expect(page.get_by_role("row", name="Component Defect")).to_contain_text("C7 burnt")
    page.get_by_role("link", name=FAILED_ID).click()
    expect(page.locator("#detail .lead")).to_have_text("✗ Failed")
    page.goto(f"{emulator.url}/#/reports/{FUTURE_ID}")
    expect(page.locator("#detail .notice")).to_contain_text("future")
    page.goto(f"{emulator.url}/#/reports/nowhere")
    expect(page.locator("#detail")).to_contain_text("There is no report 'nowhere'.")


def test_assets_show_counts_against_limits(emulator: RunningEmulator, page: Page) -> None:
    """Alarm and warning are words; a count that changes keeps the focus; in full come limits, tags, parts and log."""
    tell(emulator, good=0)
    page.goto(f"{emulator.url}/#/assets")
    expect(row(page, "FIX-003")).to_contain_text(re.compile(r"Alarm.*1012 of 1000.*101 %.*In maintenance"))
    expect(row(page, "FIX-001")).to_contain_text(re.compile(r"Warning.*847 of 1000"))
    expect(row(page, "FIX-002")).to_contain_text("In order")
    row(page, "FIX-001").click()
    detail = page.locator("#detail")
    expect(detail.locator("h2")).to_be_focused()  # what was opened takes the focus, once it is there
    link = page.get_by_role("link", name="FIX-003")
    link.focus()
    with api_of(emulator) as api:
        api.put("/api/Asset/Count", params={"serialNumber": "FIX-003", "incrementBy": 5})
    expect(row(page, "FIX-003")).to_contain_text("1017 of 1000")
    expect(link).to_be_focused()
    expect(detail.get_by_role("meter", name="Running count")).to_have_attribute("value", "847")
    expect(detail).to_contain_text("847 of 50000")
    expect(detail.get_by_role("row", name="Firmware")).to_contain_text("3.1")
    expect(detail.get_by_role("row", name="FIX-002")).to_contain_text("EOL fixture 2")
    expect(detail.get_by_role("row", name="Registered")).to_be_visible()
    expect(detail).to_contain_text("80 % of a limit")
    expect(detail.locator(".notice")).to_have_text("Warning: running count 847 of 1000 uses")
    page.goto(f"{emulator.url}/#/assets/3")
    expect(detail.get_by_role("row", name="State changed")).to_contain_text("state3")


def test_units_show_their_phase_and_history(emulator: RunningEmulator, page: Page) -> None:
    """What reports and stations said of a unit: where it is, its phase in words, and how it came to that."""
    tell(emulator, good=1)
    page.goto(f"{emulator.url}/#/units")
    unit = row(page, "C26-1042")
    expect(unit).to_have_text(re.compile(r"C26-1042CTRL-40Production repairRepair2026-W01"))
    unit.click()
    detail = page.locator("#detail")
    expect(detail.locator("h2")).to_have_text("CTRL-40 C26-1042")
    expect(detail.locator(".lead")).to_have_text("● Production repair")
    expect(detail.get_by_role("row", name="Current location")).to_contain_text("Repair")
    expect(detail.get_by_role("row", name="Unit phase id").first).to_contain_text("4")


def test_packages_show_where_they_are_in_their_life(emulator: RunningEmulator, page: Page) -> None:
    """The newest version first, its status a word; in full with its tags and files."""
    tell(emulator, good=0)
    page.goto(f"{emulator.url}/#/packages")
    rows = page.locator("#rows tbody tr")
    expect(rows.first).to_have_text(re.compile(r"Controller2.*DraftFaster start"))
    expect(rows.last).to_have_text(re.compile(r"Controller1.*ReleasedFirmware of CTRL-40"))
    rows.last.click()
    detail = page.locator("#detail")
    expect(detail.locator("h2")).to_have_text("Controller version 1")
    expect(detail.get_by_role("row", name="controller.hex")).to_contain_text("binNone11 bytes8ff38045577")
    expect(detail.get_by_role("row", name="Line 2")).to_be_visible()


def test_requests_and_faults(emulator: RunningEmulator, page: Page) -> None:
    """A request shows how it was answered, which fault hit it, its query, and its body indented."""
    tell(emulator, good=1)
    page.goto(f"{emulator.url}/#/requests")
    hit = page.locator("#rows tbody tr", has_text="503")
    expect(hit).to_contain_text(re.compile(r"POST/api/Report/WSJF.*503.*status"))
    page.set_viewport_size({"width": 900, "height": DESKTOP["height"]})
    for column in ("Fault", "Body"):
        place = page.locator("#rows thead th").all_inner_texts().index(column) + 1
        cell = hit.locator(f":nth-child({place})").first
        lines = "node => { const all = document.createRange(); all.selectNodeContents(node);"
        lines += " return new Set([...all.getClientRects()].map(line => line.top)).size }"
        assert cell.evaluate(lines) == 1, f"{column} is broken over lines"
    page.set_viewport_size(DESKTOP)
    hit.click()
    expect(page.locator("#detail .lead")).to_have_text("✗ 503⚡ Fault: status")
    assert page.locator("#detail pre").inner_text().startswith('{\n  "id": "')
    page.locator("#rows tbody tr").first.click()
    expect(page.locator("#detail").get_by_role("row", name="$filter")).to_contain_text("location eq 'Line 2'")
    expect(page.locator("#detail")).to_contain_text("Bodyempty")
    page.get_by_role("link", name="Faults").click()
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page.locator("#rows tbody tr")).to_have_text(re.compile(r"statusall /api/Report.*over1status 503, times 1"))
    emulator.fault("delay", path="/nowhere")
    expect(page.get_by_role("navigation")).to_contain_text("in force")


def test_what_happens_is_shown_without_a_reload(emulator: RunningEmulator, page: Page) -> None:
    """New rows come in, the thing that is looked at, the place in the list and the focus stay."""
    with api_of(emulator) as api:
        for number in range(60):
            send(api, passed(number))
        page.goto(emulator.url)
        old = page.get_by_role("link", name="C26-1010")
        old.click()
        expect(page.locator("#detail h2")).to_have_text("CTRL-40 C26-1010")
        old.focus()
        old.evaluate("node => { node.isTheSame = true; }")
        place = old.evaluate("node => node.getBoundingClientRect().top")
        assert page.locator("#rows").evaluate("node => node.scrollTop") > 0
        send(api, passed(60))
        expect(page.locator("#rows tbody tr").first).to_contain_text("C26-1060")
    assert abs(old.evaluate("node => node.getBoundingClientRect().top") - place) < 2
    expect(old).to_be_focused()
    assert old.evaluate("node => node.isTheSame")
    expect(old).to_have_attribute("aria-current", "true")
    expect(page.locator("#detail h2")).to_have_text("CTRL-40 C26-1010")


def test_many_reports_are_paged_and_filtered_by_the_emulator(emulator: RunningEmulator, page: Page) -> None:
    """A hundred rows at a time; the filter looks through all of them, and says what it found."""
    with api_of(emulator) as api:
        for number in range(230):
            send(api, passed(number))
    page.goto(emulator.url)
    rows = page.locator("#rows tbody tr")
    expect(page.locator("#shown")).to_have_text("newest 100 of 230 reports")
    page.get_by_role("button", name="Older").click()
    expect(rows.first).to_contain_text("C26-1129")
    page.get_by_role("button", name="Older").click()
    expect(rows).to_have_count(30)
    expect(page.get_by_role("button", name="Older")).to_be_hidden()
    page.get_by_role("button", name="Newest").click()
    expect(rows.first).to_contain_text("C26-1229")
    page.get_by_label("Filter").fill("eol-2 c26-100")
    expect(page.locator("#shown")).to_have_text("5 reports with eol-2 c26-100")
    page.get_by_label("Filter").fill("nothing like it")
    expect(page.locator("#shown")).to_have_text("No reports match.")
    page.get_by_role("link", name="Assets").click()
    expect(page.locator("#shown")).to_have_text("No assets. PUT /api/Asset makes one.")
    expect(page.get_by_label("Filter")).to_have_value("")


def test_the_end_of_the_emulator_is_said_and_its_return_found(browser: Browser) -> None:
    """What was shown stays, and the status line tells; a new emulator on the same port is shown as it is."""
    first = start_emulator()
    visit = Visit(browser)
    try:
        tell(first, good=1)
        visit.page.goto(first.url)
        expect(visit.page.locator("#connection")).to_have_text("Live")
        first.stop()
        expect(visit.page.locator("#connection")).to_contain_text("does not answer")
        expect(visit.page.locator("#rows tbody tr")).to_have_count(4)
        with running_emulator(port=first.port):
            expect(visit.page.locator("#connection")).to_have_text("Live")
            expect(visit.page.locator("#shown")).to_have_text("No reports. POST /api/Report/WSJF stores one.")
    finally:
        visit.context.close()
        first.kill()


def test_markup_from_devices_is_text(emulator: RunningEmulator, page: Page) -> None:
    """In every field of reports, assets, units, packages, requests, addresses it is shown as sent, and does nothing."""
    repaired: dict[str, Any] = hostile(repair(id=str(uuid5(NAMESPACE_OID, "hostile"))))
    repaired["subUnits"][0]["partType"] = "P"
    with api_of(emulator) as api:
        make_asset(api, HOSTILE, assetName=HOSTILE, location=HOSTILE, description=HOSTILE, partNumber=HOSTILE,
                   revision=HOSTILE, tags=[{"key": "k", "value": HOSTILE}])  # fmt: skip
        package = make_package(api, HOSTILE, description=HOSTILE, rootDirectory=HOSTILE)
        send(api, hostile_report())
        unit = dict.fromkeys(("serialNumber", "partNumber", "revision", "currentLocation", "batchNumber"), HOSTILE)
        assert api.put("/api/Production/Units", json=[unit]).json()["errorCount"] == 0
        send(api, repaired)
        api.post(f"/api/{HOSTILE}", params={HOSTILE: HOSTILE}, content=HOSTILE)
        seq = emulator.requests()[-1]["seq"]
        emulator.fault("status", path=f"/{HOSTILE}")
    for address, least in (
        (f"reports/{hostile_report()['id']}", 25),
        (f"reports/{repaired['id']}", 10),
        ("assets/1", 8),
        ("units/1", 4),
        (f"packages/{package}", 4),
        (f"requests/{seq}", 4),
        ("faults", 1),
        ("reports/" + HOSTILE.replace("/", ""), 1),
        (HOSTILE, 1),
    ):
        page.goto(f"{emulator.url}/#/{address}")
        page.reload()
        expect(page.locator("#connection")).to_have_text("Live")
        if address.startswith(("reports/daf", "assets")):
            page.get_by_text("As JSON").click()
        expect(page.get_by_text("onerror").first).to_be_visible()
        assert page.locator("body").inner_text().count("onerror=") >= least, address
        assert page.locator("main img").count() == 0
        assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_dark(browser: Browser, emulator: RunningEmulator, scheme: str) -> None:
    """At 360 px nothing is cut off sideways, only panes scroll, and the detail takes the place of the list."""
    tell(emulator, good=2)
    visit = Visit(browser, viewport=PHONE, color_scheme=scheme, has_touch=True)
    page = visit.page
    try:
        lists = ("assets", "reports", "units", "packages", "requests", "faults")
        for address in (*lists, "assets/1", f"reports/{FAILED_ID}", "units/1", "requests/1"):
            page.goto(f"{emulator.url}/#/{address}")
            expect(page.locator("#detail h2" if "/" in address else "#rows tbody tr").first).to_be_visible()
            assert not page.evaluate(WHOLE_PAGE_SCROLLS), address
            expect(page.locator("nav [aria-current]")).to_be_in_viewport(ratio=0.95)
            for place in ("html", "#rows", "#detail", "#detail .scroll:has(.steps)"):
                assert not any(node.evaluate(SCROLLS) for node in page.locator(place).all()), (address, place)
        expect(page.locator("#list")).to_be_hidden()
        page.get_by_role("link", name="Close").tap()
        expect(page.locator("#list")).to_be_visible()
        luma = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
        assert (luma < 60) == (scheme == "dark")
    finally:
        visit.context.close()


def test_no_word_of_a_table_is_broken_on_a_phone(browser: Browser, emulator: RunningEmulator) -> None:
    """What does not fit is scrolled to within its box; only what is as long as a hash is broken anywhere."""
    tell(emulator, good=1)
    visit = Visit(browser, viewport=PHONE, has_touch=True)
    try:
        package = emulator.state()["packages"][0]["packageId"]
        for address in ("assets/3", f"reports/{FAILED_ID}", f"reports/{REPAIR_ID}", "units/1", f"packages/{package}"):
            visit.page.goto(f"{emulator.url}/#/{address}")
            expect(visit.page.locator("#detail .scroll").first).to_be_visible()
            assert visit.page.locator("#detail table:not(.steps)").evaluate_all(BROKEN_WORDS) == [], address
            assert not visit.page.locator("#detail").evaluate(SCROLLS), address
    finally:
        visit.context.close()


def test_the_keyboard_is_enough(emulator: RunningEmulator, page: Page) -> None:
    """Tab leads through tabs, filter and rows, arrows through rows, Enter opens and tells, Escape goes back."""
    tell(emulator, good=2)
    page.goto(emulator.url)
    expect(page.locator("#rows tbody tr")).to_have_count(5)
    tabs = page.get_by_role("navigation").get_by_role("link").count()
    for _ in range(tabs + 2):
        page.keyboard.press("Tab")
    expect(row(page, "C26-1999").get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#detail h2")).to_be_focused()
    expect(page.locator("#detail .lead")).to_have_text("✗ Failed")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator("#rows tbody tr a").nth(2)).to_be_focused()

"""The play of a demo: the fleet publishes, the bridge drains, both ends are compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from pywats_mqtt.cli.demo_children import DemoError
from pywats_mqtt.cli.demo_outcome import Outcome, outcome_of
from pywats_mqtt.cli.demo_screen import LAST_REPORTS, LastReport, Scene
from pywats_mqtt.cli.demo_stage import DRAIN_S, LOOK_EVERY_S, Stage
from pywats_mqtt.simulator.held import read_held
from pywats_mqtt.simulator.journal import Journal
from pywats_mqtt.simulator.journal_file import appending, load_record
from pywats_mqtt.simulator.reconcile import compare
from pywats_mqtt.simulator.runner import Load, Summary, run_fleet

ARRIVE_S = 10.0
"""Seconds the bridge gets to receive what the broker still holds for it, before it is told to end."""
END_S = DRAIN_S + 4.0
"""Seconds the bridge gets to end: its drain, and what it does before and after."""
SCENE_EVERY_S = 0.5
LOOK_SHARE = 10
"""Looking takes at most a tenth of the time, however much there is to look at."""


class _State(msgspec.Struct, frozen=True):
    reports: tuple[LastReport, ...]


class Play:
    """One demo on a stage that is set.

    Args:
        stage: broker, emulator and bridge.
        load: what the fleet does.
        stopping: set when the user wants it to end.
        show: gets a scene now and then.
        say: gets a line when the fleet has something to say.
    """

    def __init__(
        self,
        stage: Stage,
        load: Load,
        *,
        stopping: asyncio.Event,
        show: Callable[[Scene], None],
        say: Callable[[str], None],
    ) -> None:
        self._stage = stage
        self._load = load
        self._stopping = stopping
        self._show = show
        self._say = say
        self._began = time.monotonic()
        self._last: Scene | None = None

    async def run(self) -> Outcome:
        """Play it to its end.

        Raises:
            DemoError: the bridge or the emulator does not answer at the end.
            ExceptionGroup: of that, or of what went wrong before.
        """
        path = self._stage.folder / "journal.jsonl"
        with appending(path) as sink:
            journal = Journal(sink)
            async with asyncio.TaskGroup() as group:  # ends before the journal is closed, whatever happens
                running = run_fleet(self._load, journal, stopping=self._stopping, say=self._say)
                fleet = group.create_task(running, name="fleet")
                await self._show_until(fleet, journal, "the fleet publishes, Ctrl-C ends it")
                summary = fleet.result()
                draining = group.create_task(self._drain(summary), name="drain")
                await self._show_until(draining, journal, "the fleet has stopped, the bridge drains")
        status = await self._stage.bridge_status()
        if status is None:
            raise DemoError("the bridge left no spool behind that could be read")
        held = read_held(await self._stage.wats_state())
        comparison = compare(load_record(path), held)
        return outcome_of(summary, status, held, comparison, bridge_code=draining.result())

    async def _drain(self, summary: Summary) -> int:
        """Let the bridge receive what the broker holds for it, end it, and give its exit code."""
        deadline = time.monotonic() + ARRIVE_S
        while time.monotonic() < deadline:
            status = await self._stage.bridge_status()
            if status is not None and status.received >= summary.acknowledged:
                break
            await asyncio.sleep(LOOK_EVERY_S)
        return await self._stage.bridge.end(within_s=END_S)

    async def _show_until(self, task: asyncio.Task[Summary] | asyncio.Task[int], journal: Journal, phase: str) -> None:
        if self._last is not None:  # a bridge that is slow to answer does not delay the news
            self._show(msgspec.structs.replace(self._last, phase=phase))
        while not task.done():
            began = time.monotonic()
            self._last = await self._scene(journal, phase)
            self._show(self._last)
            took = time.monotonic() - began
            await asyncio.wait({task}, timeout=max(SCENE_EVERY_S, LOOK_SHARE * took))

    async def _scene(self, journal: Journal, phase: str) -> Scene:
        status = await self._stage.bridge_status()
        state = await self._stage.wats_state()
        return Scene(
            phase=phase,
            elapsed_s=time.monotonic() - self._began,
            devices=self._load.devices,
            published=journal.counts["published"],
            acknowledged=journal.counts["acknowledged"],
            bridge=status if status is None or status.running else None,
            wats=read_held(state).tally(),
            last=msgspec.json.decode(state, type=_State).reports[-LAST_REPORTS:],
        )

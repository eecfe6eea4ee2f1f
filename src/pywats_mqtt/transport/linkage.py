"""Who hears what of the link: every change goes to the program, and one line to the log when it goes and comes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from pywats_mqtt.ports import Link
from pywats_mqtt.transport.reasons import Loss
from pywats_mqtt.transport.reconnect import Pace
from pywats_mqtt.transport.subscriptions import Grant

_log: Final = logging.getLogger(__name__)


def ignore_link(_: Link) -> None:
    """Take a change of the link and do nothing."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What CONNACK said of the session; the fields of `Link` of the same names."""

    session_present: bool = False
    session_lost: bool = False
    session_expiry_s: int = 0


class Linkage:
    """The link as it stands.

    Attributes:
        link: its present state.
    """

    def __init__(self, *, broker: str, on_link: Callable[[Link], None]) -> None:
        self.link = Link(connected=False, reason="not connected yet", broker=broker)
        self._broker = broker
        self._on_link = on_link
        self._told: str | None = None
        self._problems: tuple[Grant, ...] = ()

    def up(self, standing: Standing) -> None:
        """Note a connection that is ready for work."""
        self._change(
            Link(
                connected=True,
                session_present=standing.session_present,
                session_lost=standing.session_lost,
                session_expiry_s=standing.session_expiry_s,
                broker=self._broker,
            )
        )
        if standing.session_lost:
            _log.warning("the broker has lost our session and what it queued for us", extra={"broker": self._broker})
        if self._told is not None:
            _log.warning("broker is back", extra={"broker": self._broker})
        self._told = None

    def down(self, loss: Loss, *, retry_s: float | None) -> None:
        """Note that there is no connection. One line an absence; another only for what someone has to mend.

        Args:
            loss: why.
            retry_s: when the next try comes; None for none.
        """
        self._change(Link(connected=False, reason=loss.reason, broker=self._broker))
        if loss.reason == self._told or (self._told is not None and loss.pace is Pace.SOON):
            return
        self._told = loss.reason
        retry = "not tried again" if retry_s is None else f"next try in {retry_s:.1f} s"
        _log.warning(
            "broker is away: %s; %s", loss.reason, retry, extra={"broker": self._broker, "reason": loss.reason}
        )

    def stopped(self) -> None:
        """Note that we ended it ourselves."""
        self._change(Link(connected=False, reason="stopped", broker=self._broker))

    def granted(self, found: tuple[Grant, ...]) -> None:
        """Note what was granted; a line for each filter that got less than it asked, unless it was so before."""
        problems = tuple(grant for grant in found if grant.problem)
        for grant in problems:
            if grant not in self._problems:
                _log.warning(
                    "subscription %s: %s; check what the broker allows this user",
                    grant.topic_filter,
                    grant.problem,
                    extra={"broker": self._broker, "topic_filter": grant.topic_filter},
                )
        self._problems = problems

    def _change(self, link: Link) -> None:
        if link != self.link:
            self.link = link
            self._on_link(link)

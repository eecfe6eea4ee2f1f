"""What a message means: its events, or why it is refused. Pure and total: whatever the bytes, nothing is raised."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pywats_mqtt.adapters.context import STATES, Context, Interpretation
from pywats_mqtt.adapters.registry import NOT_OF_DEVICES, OWN, OWN_TOPICS, Adapter, Plain, reading_of
from pywats_mqtt.adapters.sizes import Sizes
from pywats_mqtt.adapters.texts import WATS_CHARACTERS
from pywats_mqtt.adapters.unread import UNREAD, unread_names
from pywats_mqtt.config.environment import Watching
from pywats_mqtt.config.limits import LimitsConfig
from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.config.production import ProductionConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import AssetUpdate, Identified, Repair, TestResult
from pywats_mqtt.folding.updates import Updates
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Outcome, Rejection
from pywats_mqtt.schemas.reasons import explain
from pywats_mqtt.topics import captured, matches, name_problem

_TOPICS_KEPT = 20_000
"""Topics whose route is remembered: more than a large plant has, and 10 MB at most."""
_TOPIC_CHARACTERS_KEPT = 250
_LIST = 0x5B


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where the messages of one topic go.

    Attributes:
        topic_filter: the filter that matched, or empty.
        domain: that of the filter, or empty.
        device: the level at the filter's first `+`; empty where it has none.
        level: the topic's last level.
        adapter: what reads them, or None.
        decode: what decodes them.
        message: their declaration; None where nobody counts what is unknown in them.
        refusal: why none does, where `adapter` is None.
        plain: reads the most frequent ones faster; None where there is no such way.
    """

    topic_filter: str = ""
    domain: str = ""
    device: str = ""
    level: str = ""
    adapter: Adapter | None = None
    decode: Callable[[bytes], object] = bytes
    message: type[msgspec.Struct] | None = None
    refusal: Rejection = Rejection("")
    plain: Plain | None = None


class RouteTable:
    """Filters and their domains; the first one that matches, in the order of `TopicConfig`'s fields, takes a message.

    Args:
        config: the `[topics]` table.
        first: (topic filter, domain) pairs that are tried before those of the configuration.
        assets: the `[assets]` table.
        production: the `[production]` table.
        limits: the `[limits]` table.

    Attributes:
        sizes: the limits, ready to be asked.
        settings: what the operator set about interpreting.
        known: topics whose routes are remembered; `route` gives any.
    """

    def __init__(
        self,
        config: TopicConfig,
        *,
        first: tuple[tuple[str, str], ...] = (),
        assets: AssetConfig | None = None,
        production: ProductionConfig | None = None,
        limits: LimitsConfig | None = None,
    ) -> None:
        self.sizes = Sizes(limits or LimitsConfig())
        by_domain = (
            ("asset", config.asset_topics),
            ("report", config.report_topics),
            ("software", config.software_topics),
            ("production", config.production_topics),
        )
        words = assets.states if assets else {}
        self.settings = Interpretation(
            strict_ids=config.strict_ids,
            states={**STATES, **{word: state or None for word, state in words.items()}},
            stations=production.testers if production else {},
            watching=assets.watching() if assets else Watching(),
        )
        self._filters = (
            first
            + OWN_TOPICS
            + tuple((topic_filter, domain) for domain, filters in by_domain for topic_filter in filters)
        )
        self.known: dict[str, Route] = {}

    def filter_of(self, topic: str) -> str:
        """Give the filter a topic came by, or empty where none matches."""
        return self.route(topic).topic_filter

    def route(self, topic: str) -> Route:
        """Give a topic's route; remembered, since a fleet uses few topics very often."""
        known = self.known.get(topic)
        if known is not None:
            return known
        found = self._find(topic)
        if len(topic) <= _TOPIC_CHARACTERS_KEPT:
            if len(self.known) >= _TOPICS_KEPT:
                self.known.clear()
            self.known[topic] = found
        return found

    def _find(self, topic: str) -> Route:
        problem = name_problem(topic)
        if problem is not None:
            return _refusing(f"no valid topic name: {problem}")
        problem = self.sizes.topic_problem(topic)
        if problem:
            return _refusing(problem)
        for topic_filter, domain in self._filters:
            if matches(topic_filter, topic):
                return _routed(topic_filter, domain, topic, self.settings)
        return _refusing("no topic filter of the configuration matches this topic")


def _routed(topic_filter: str, domain: str, topic: str, settings: Interpretation) -> Route:
    levels = captured(topic_filter, topic)
    device = levels[0] if "+" in topic_filter else ""
    level = topic.rpartition("/")[2]
    reading = reading_of(domain, level)
    if reading is None:
        return _refusing(f"no adapter for {domain} messages in this version; the message is kept", device, topic_filter)
    if "+" in topic_filter and not device.strip():
        return _refusing("the topic's level for the id is empty", device, topic_filter)
    if len(device) > WATS_CHARACTERS:
        problem = f"the id in the topic has {len(device)} characters; WATS takes {WATS_CHARACTERS}"
        return _refusing(problem, device, topic_filter)
    return Route(
        topic_filter=topic_filter,
        domain=domain,
        device=device,
        level=level,
        adapter=reading.adapter,
        decode=reading.decode,
        message=None if domain in NOT_OF_DEVICES else reading.message,
        plain=reading.plain if device and not settings.strict_ids and not settings.watching.is_on else None,
    )


def _refusing(reason: str, device: str = "", topic_filter: str = "") -> Route:
    return Route(topic_filter=topic_filter, device=device, refusal=Rejection(reason, "", device))


def interpret(message: RawMessage, routes: RouteTable) -> Outcome:
    """Tell what a message means.

    Args:
        message: as received, whatever its topic and bytes.
        routes: which adapter its topic leads to, and what the operator set.

    Returns:
        Its events, none where it says nothing, or why it is refused, with the path in its payload.
    """
    route = routes.known.get(message.topic) or routes.route(message.topic)
    if route.adapter is None:
        return _refused(message, routes, route.refusal)
    sizes, payload = routes.sizes, message.payload
    size = len(payload)
    if (
        (
            size > sizes.flat_bytes
            and (
                size > sizes.plain_bytes
                or _LIST in payload
                or size - len(payload.replace(b"{", b"")) > sizes.nesting  # counts them; `count` takes twice as long
            )
        )
        or message.user_properties
        or message.content_type
    ) and route.domain != OWN:
        excess = sizes.excess(message)
        if excess is not None:
            return _refused(message, routes, Rejection(excess.reason, excess.path, route.device))
    if route.plain is not None:
        update = route.plain(message, route.device, routes.settings.states)
        if update is not None:
            return update
    try:
        return route.adapter(Context(route.device, route.level, message, routes.settings))
    except Reject as refused:
        return _refused(message, routes, Rejection(refused.reason, refused.path, route.device))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refused(message, routes, Rejection(*explain(error, payload, route.decode), route.device))


def _refused(message: RawMessage, routes: RouteTable, why: Rejection) -> Rejection:
    kept, said = routes.sizes.kept(message.payload)
    return why if kept is None else Rejection(why.reason + said, why.path, why.device, kept)


def unknown_fields(
    message: RawMessage, events: tuple[Identified, ...] | AssetUpdate | Updates, routes: RouteTable
) -> tuple[str, set[str]]:
    """Tell what of a message nobody reads, since only a newer version knows it, or it is misspelt.

    Args:
        message: one that was interpreted.
        events: what it meant.
        routes: as for `interpret`.

    Returns:
        The filter it came by, and the names of the fields as `adapters.unread` writes them.
    """
    route = routes.route(message.topic)
    if route.message is None or not message.payload:
        return route.topic_filter, set()
    if isinstance(events, tuple) and events:
        first = events[0].event
        if isinstance(first, TestResult | Repair) and all(name != UNREAD for name, _ in first.misc):
            return route.topic_filter, set()  # its adapter has looked, for the report
    return route.topic_filter, unread_names(message.payload, route.message)

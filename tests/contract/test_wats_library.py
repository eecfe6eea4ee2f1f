"""What we rely on in pywats beyond its documented calls; each fails when a release takes it away."""

from __future__ import annotations

import subprocess
import sys

from pywats import AsyncWATS
from pywats.core.async_client import AsyncHttpClient

from pywats_mqtt.config.model import Secret, WatsConfig
from pywats_mqtt.wats.quota import Quota
from pywats_mqtt.wats.session import Session
from tests.contract.wats_servers import SystemClock


def test_the_breakers_switch_is_still_there() -> None:
    """The one private name we touch: on by default, off in our session."""
    by_default = AsyncWATS(base_url="http://127.0.0.1:1", token="x", enable_cache=False, enable_throttling=False)
    config = WatsConfig(url="http://127.0.0.1:1", token=Secret("x"))
    session = Session(config, Quota(0, None, SystemClock()), SystemClock())

    ours = vars(session)["_api"].http_client

    assert isinstance(ours, AsyncHttpClient)
    assert vars(by_default.http_client)["_circuit_breaker_enabled"] is True
    assert vars(ours)["_circuit_breaker_enabled"] is False


def test_cache_throttle_and_retries_are_off() -> None:
    """They serve stale counts, block the event loop and count twice."""
    config = WatsConfig(url="http://127.0.0.1:1", token=Secret("x"))
    session = Session(config, Quota(0, None, SystemClock()), SystemClock())

    ours = vars(session)["_api"].http_client

    assert ours.cache_enabled is False
    assert ours.rate_limiter.enabled is False
    assert ours.retry_config.enabled is False


def test_pywats_client_is_not_imported() -> None:
    """It needs Qt."""
    look = "import sys, pywats_mqtt.wats.client, pywats_mqtt.wats.check; sys.exit('pywats_client' in sys.modules)"

    subprocess.run([sys.executable, "-c", look], check=True)

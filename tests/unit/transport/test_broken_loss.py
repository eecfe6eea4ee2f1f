"""Why a connection broke, in words that say what to look at."""

from __future__ import annotations

from pywats_mqtt.transport.reasons import broken_loss

RESET = ConnectionResetError(104, "Connection reset by peer")


def test_a_reset_behind_the_tls_handshake_is_about_our_certificate() -> None:
    """It overtook the alert of a broker that wants one."""
    assert "mqtt.client_cert" in broken_loss(RESET, silent_tls=True).reason


def test_any_other_reset_is_the_networks() -> None:
    """Without TLS, or once the broker has spoken, a certificate has nothing to do with it."""
    assert broken_loss(RESET).reason == "the connection broke: [Errno 104] Connection reset by peer"
    assert "mqtt" not in broken_loss(TimeoutError("timed out"), silent_tls=True).reason

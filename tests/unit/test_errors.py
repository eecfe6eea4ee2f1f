"""An error's type is its outcome."""

from __future__ import annotations

import pytest

from pywats_mqtt.errors import BridgeError, Fatal, Reject, Retry, Scope


def test_the_base_class_cannot_be_raised() -> None:
    """A caller could not tell what to do about a bare BridgeError, so there is none."""
    with pytest.raises(TypeError, match="Retry, Reject or Fatal"):
        BridgeError("something")


def test_a_retry_says_what_waits_and_how_long() -> None:
    """A Retry carries its scope, a stable cause and the server's Retry-After."""
    error = Retry("WATS answered 503", scope=Scope.SERVER, cause="503", after_s=7.0)
    assert (str(error), error.scope, error.cause, error.after_s) == ("WATS answered 503", Scope.SERVER, "503", 7.0)
    assert Retry("no route", scope=Scope.SERVER, cause="unreachable").after_s is None


def test_a_rejection_reads_as_path_and_reason() -> None:
    """The reason kept in quarantine begins with its path, where there is one."""
    error = Reject("expected float, got str", path="$.steps[0].value")
    assert str(error) == "$.steps[0].value: expected float, got str"
    assert (error.path, error.reason) == ("$.steps[0].value", "expected float, got str")
    assert str(Reject("no adapter")) == "no adapter"


@pytest.mark.parametrize(
    "error", [Retry("x", scope=Scope.CALL, cause="403"), Reject("x"), Fatal("x")], ids=["retry", "reject", "fatal"]
)
def test_each_outcome_is_a_bridge_error(error: BridgeError) -> None:
    """One except clause at a loop's edge catches all three."""
    with pytest.raises(BridgeError):
        raise error

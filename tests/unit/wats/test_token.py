"""The API token: from where, and what is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pywats_mqtt.config.model import Secret, WatsConfig
from pywats_mqtt.errors import Fatal
from pywats_mqtt.wats.token import Token


def test_the_token_of_the_configuration() -> None:
    """Without the white space around it."""
    assert Token.configured(WatsConfig(token=Secret(" abc=\n"))).reveal() == "abc="


async def test_a_rotated_token_file_is_read_again(tmp_path: Path) -> None:
    """Another content is another token; the same, or none for a moment, is not."""
    file = tmp_path / "token"
    file.write_text("first\n")
    token = Token.configured(WatsConfig(token_file=str(file)))
    assert not await token.renew("first")

    file.write_text("")
    assert not await token.renew("first")
    file.unlink()
    assert not await token.renew("first")
    assert token.reveal() == "first"

    file.write_text("second")
    assert await token.renew("first")
    assert token.reveal() == "second"


async def test_a_token_that_a_call_beside_found_is_another_one(tmp_path: Path) -> None:
    """Whose call the old one refused tries again, without reading what is read."""
    file = tmp_path / "token"
    file.write_text("first")
    token = Token.configured(WatsConfig(token_file=str(file)))
    file.write_text("second")
    assert await token.renew("first")
    file.unlink()
    assert await token.renew("first")
    assert not await token.renew("second")


async def test_a_token_of_the_configuration_is_not_renewed() -> None:
    """There is nothing to read again."""
    assert not await Token.configured(WatsConfig(token=Secret("abc"))).renew("abc")


def test_no_token_says_what_to_set() -> None:
    """All three places are named."""
    with pytest.raises(Fatal, match=r"wats\.token, wats\.token_file or .*WATS_AUTH_TOKEN"):
        Token.configured(WatsConfig())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With its path and the reason."""
    with pytest.raises(Fatal, match=r"wats\.token_file: .*nowhere cannot be read: No such file"):
        Token.configured(WatsConfig(token_file=str(tmp_path / "nowhere")))


def test_a_file_of_other_bytes_is_told(tmp_path: Path) -> None:
    """A key store is no token."""
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(Fatal, match="not UTF-8"):
        Token.configured(WatsConfig(token_file=str(tmp_path / "token")))


@pytest.mark.parametrize("text", ["two words", "ø", "a\nb"])
def test_an_impossible_token_is_told_and_not_shown(text: str) -> None:
    """A header cannot carry it, and the message must not."""
    with pytest.raises(Fatal) as told:
        Token.configured(WatsConfig(token=Secret(text)))

    assert text not in str(told.value)


def test_the_token_is_blotted_out() -> None:
    """A server that quotes it does not get it into our messages."""
    assert Token.configured(WatsConfig(token=Secret("c2Vj"))).hide_in("bad token c2Vj!") == "bad token ***!"

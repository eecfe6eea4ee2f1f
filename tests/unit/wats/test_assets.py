"""Assets as WATS writes them, and what is written back."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.limits.values import Schedule
from pywats_mqtt.ports import Asset
from pywats_mqtt.wats.assets import Wire, asset_of, equals, named, path_key, with_tags, xml_safe

WIRE: Wire = {
    "assetId": "7",
    "serialNumber": "F1",
    "typeId": "dfb3e743-1d84-5078-b431-6534f0d74536",
    "state": 3,
    "runningCount": 1,
    "totalCount": 2,
    "description": None,
    "location": "Lab",
    "tags": [{"key": "owner", "value": "me", "change": 0}],
    "assetType": {"typeName": "x"},
    "assetChildren": [],
    "assetLog": [],
}


def test_an_asset_is_read() -> None:
    """Counts, state and tags are what the server says."""
    schedule = Schedule(type_id=str(WIRE["typeId"]))
    assert asset_of(WIRE) == Asset(
        id="7", serial_number="F1", state=3, running=1, total=2, tags={"owner": "me"}, schedule=schedule
    )


def test_nulls_and_absent_fields_are_nothing() -> None:
    """A server may send null for what is not set."""
    wire: Wire = {"assetId": 7, "serialNumber": "F1", "state": None, "tags": None}

    assert asset_of(wire) == Asset(id="7", serial_number="F1", state=0, running=0, total=0)


def test_what_is_no_asset_is_told() -> None:
    """An answer without an id is not taken for an asset."""
    with pytest.raises(msgspec.ValidationError):
        asset_of({"serialNumber": "F1"})


@pytest.mark.parametrize("serial", ["FIXTURE-001", "a.b_c-1", "0A"])
def test_a_plain_serial_number_addresses_an_asset(serial: str) -> None:
    """One call reads it."""
    assert path_key(serial) == serial


@pytest.mark.parametrize("serial", ["1", "F#1", "a/b", "a?b", "a b", "..", "ø", "Types", "log", "", "F1\n", "%41"])
def test_an_odd_serial_number_is_found_by_filter_only(serial: str) -> None:
    """In a path it would be cut, be another asset's id, or be another route."""
    assert path_key(serial) is None


def test_quotes_in_a_filter_are_doubled() -> None:
    """The text cannot end the literal."""
    assert equals("serialNumber", "o'x' or 1 eq 1") == "serialNumber eq 'o''x'' or 1 eq 1'"


def test_the_exact_name_is_preferred() -> None:
    """Else one that differs in case alone, as the server compares."""
    listed = [{"n": "ABC"}, {"n": "abc"}, "x", None]

    assert named(listed, "n", "abc") == {"n": "abc"}
    assert named(listed[:1], "n", "abc") == {"n": "ABC"}
    assert named(listed, "n", "other") is None
    assert named("<html>", "n", "abc") is None


def test_tags_are_merged_and_all_else_goes_back_as_it_came() -> None:
    """Also the state, which a save without it would reset; views and nulls are left out."""
    assert with_tags(WIRE, {"temperature_c": "23.5"}) == {
        "assetId": "7",
        "serialNumber": "F1",
        "typeId": "dfb3e743-1d84-5078-b431-6534f0d74536",
        "state": 3,
        "runningCount": 1,
        "totalCount": 2,
        "location": "Lab",
        "tags": [{"key": "owner", "value": "me"}, {"key": "temperature_c", "value": "23.5"}],
    }


def test_tags_that_are_there_need_no_write() -> None:
    """Saying the same again is no change."""
    assert with_tags(WIRE, {"owner": "me"}) is None


@pytest.mark.parametrize(
    ("key", "safe"),
    [("temp °C", "temp__C"), ("1st", "_1st"), ("-x", "_-x"), ("xmlns", "_xmlns"), ("", "_"), ("a.b-c_d", "a.b-c_d")],
)
def test_keys_become_xml_names(key: str, safe: str) -> None:
    """What XML does not take is replaced."""
    assert xml_safe({key: "v"}) == {safe: "v"}


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=2), max_size=6))
def test_no_value_is_lost_to_a_key_that_becomes_another(tags: dict[str, str]) -> None:
    """Every key is an XML name, and different keys stay different."""
    safe = xml_safe(tags)

    assert sorted(safe.values()) == sorted(tags.values())
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", key) for key in safe)

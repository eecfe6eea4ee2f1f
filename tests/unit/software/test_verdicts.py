"""What is said of a station, from its inventory and the packages of WATS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import Software
from pywats_mqtt.software.packages import Package
from pywats_mqtt.software.verdicts import Convention, Word, judge

FIRMWARE = "test_firmware"


def package(number: int, status: str = "Released", name: str = FIRMWARE, **tags: str) -> Package:
    """Give a version of a package."""
    return Package(name=name, number=number, status=status, tags=tags)


OLD, NEW = package(1, SwVersion="2.3.0"), package(2, SwVersion="2.3.1")
REVOKED = package(3, "Revoked", SwVersion="2.4.0")
HASHED = package(4, SwVersion="2.3.1", Hash="ABC123")


@pytest.mark.parametrize(
    ("version", "digest", "packages", "word", "reason"),
    [
        ("2.3.1", "", [OLD, NEW], Word.MATCH, ""),
        ("2.3.1", "abc", [NEW, OLD], Word.MATCH, ""),
        ("2.3.0", "", [OLD, NEW], Word.OUTDATED, "test_firmware 2.3.0 is not the released 2.3.1"),
        ("2.2.0", "", [NEW], Word.OUTDATED, "test_firmware 2.2.0 is not the released 2.3.1"),
        ("beta", "", [NEW], Word.OUTDATED, "test_firmware beta is not the released 2.3.1"),
        ("2.4.0", "", [NEW, REVOKED], Word.REVOKED, "test_firmware 2.4.0 is revoked, released is 2.3.1"),
        ("2.4.0", "", [REVOKED], Word.REVOKED, "test_firmware 2.4.0 is revoked"),
        ("2.4.0", "", [REVOKED, package(5, SwVersion="2.4.0")], Word.MATCH, ""),
        ("2.3.1", "", [], Word.UNKNOWN, "test_firmware 2.3.1 has no package in WATS for this station"),
        ("2.3.1", "", [package(1, "Draft", SwVersion="2.3.1")], Word.UNKNOWN, "test_firmware 2.3.1 is not released"),
        ("2.10", "", [package(1, SwVersion="2.9")], Word.UNKNOWN, "test_firmware 2.10 is newer than the released 2.9"),
        ("2.9.0", "", [package(1, SwVersion="2.9")], Word.OUTDATED, "test_firmware 2.9.0 is not the released 2.9"),
        (
            "rc",
            "",
            [NEW, package(3, "Pending", SwVersion="rc")],
            Word.UNKNOWN,
            "test_firmware rc is newer than the released 2.3.1",
        ),
        ("", "", [NEW], Word.UNKNOWN, "test_firmware names no version, released is 2.3.1"),
        ("2.3.1", "abc123", [NEW, HASHED], Word.MATCH, ""),
        (
            "2.3.1",
            "fff",
            [HASHED],
            Word.HASH_MISMATCH,
            "test_firmware 2.3.1 has the hash fff, released is ABC123",
        ),
        ("2.3.1", "", [HASHED], Word.HASH_MISMATCH, "test_firmware 2.3.1 names no hash, released is ABC123"),
        ("7", "", [package(7)], Word.MATCH, ""),
        ("2.3.1", "", [NEW, package(9, name="other", SwVersion="9")], Word.MATCH, ""),
    ],
)
def test_one_piece_of_software(version: str, digest: str, packages: list[Package], word: Word, reason: str) -> None:
    """Compared with the highest released number of WATS, by the tags of that package."""
    verdict = judge([Software(FIRMWARE, version, digest)], packages, Convention(), station="T1")
    assert (verdict.word, verdict.reason) == (word, reason)


def test_packages_for_another_station_or_product_do_not_apply() -> None:
    """A package narrowed to this station or product does, and to another not, whatever its number."""
    packages = [
        package(1, SwVersion="1.0"),
        package(2, SwVersion="2.0", StationName="t1"),
        package(3, SwVersion="3.0", StationName="T2"),
        package(4, SwVersion="4.0", PartNumber="WIDGET"),
    ]

    def word(version: str, station: str, part_number: str = "") -> Word:
        return judge(
            [Software(FIRMWARE, version)], packages, Convention(), station=station, part_number=part_number
        ).word

    assert word("2.0", "T1") is Word.MATCH
    assert word("3.0", "T2") is Word.MATCH
    assert word("1.0", "T3") is Word.MATCH
    assert word("4.0", "T1", "WIDGET") is Word.MATCH
    assert word("2.0", "T1", "WIDGET") is Word.OUTDATED
    assert word("2.0", "T1", "GADGET") is Word.MATCH


def test_tags_have_the_names_that_are_configured() -> None:
    """An operator's Tag Manager may have others."""
    convention = Convention(version_tag="ver", hash_tag="sha", station_tag="where", part_number_tag="what")
    packages = [package(1, ver="2", sha="x", where="T1", what="W")]
    verdict = judge([Software(FIRMWARE, "2", "x")], packages, convention, station="T1", part_number="W")
    assert verdict.word is Word.MATCH


def test_the_worst_of_all_is_the_verdict_and_three_reasons_are_named() -> None:
    """The worst comes first; what is left out of the words is counted, and stands in the list."""
    inventory = [Software("a", "1"), Software("b", "1"), Software("c", "1"), Software(FIRMWARE, "2.4.0"), Software("d")]
    verdict = judge(inventory, [OLD, NEW, REVOKED, package(1, name="c", SwVersion="1")], Convention(), station="T1")
    assert verdict.word is Word.REVOKED
    assert verdict.text == (
        "revoked: test_firmware 2.4.0 is revoked, released is 2.3.1; a 1 has no package in WATS for this station; "
        "b 1 has no package in WATS for this station and 1 more"
    )
    assert [(one.name, one.verdict) for one in verdict.software] == [
        ("a", Word.UNKNOWN),
        ("b", Word.UNKNOWN),
        ("c", Word.MATCH),
        (FIRMWARE, Word.REVOKED),
        ("d", Word.UNKNOWN),
    ]


@pytest.mark.parametrize("inventory", [None, [], [Software("os", "12")]])
def test_nothing_to_judge_is_unknown(inventory: list[Software] | None) -> None:
    """A station that never reported, reports nothing, or only what nobody checks is no match."""
    assert judge(inventory, [NEW], Convention(unchecked={"os"}), station="T1").word is Word.UNKNOWN


def test_what_is_not_checked_counts_for_nothing() -> None:
    """It needs no package."""
    inventory = [Software("os", "12"), Software(FIRMWARE, "2.3.1")]
    assert judge(inventory, [NEW], Convention(unchecked={"os"}), station="T1").word is Word.MATCH


PACKAGES = st.lists(
    st.builds(
        Package,
        name=st.sampled_from("ab"),
        number=st.integers(1, 9),
        status=st.sampled_from(["Draft", "Pending", "Released", "Revoked"]),
        tags=st.dictionaries(st.sampled_from(["SwVersion", "Hash", "StationName"]), st.sampled_from(["1", "2", "T1"])),
    ),
    max_size=6,
    unique_by=lambda package: (package.name, package.number),
)


@given(st.lists(st.builds(Software, st.sampled_from("ab"), st.sampled_from(["", "1", "2"]))), PACKAGES, st.randoms())
def test_the_order_of_packages_makes_no_difference(
    inventory: list[Software], packages: list[Package], chance: object
) -> None:
    """And only a released version is a match."""
    verdict = judge(inventory, packages, Convention(), station="T1")
    shuffled = list(packages)
    chance.shuffle(shuffled)  # type: ignore[attr-defined] # a random.Random of hypothesis
    assert judge(inventory, shuffled, Convention(), station="T1") == verdict
    for one in verdict.software:
        if one.verdict is Word.MATCH:
            versions = {p.tags.get("SwVersion") or str(p.number) for p in packages if p.status == "Released"}
            assert one.version in versions

"""Files of packages: zips that are taken, and zips that are not."""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pywats_mqtt.emulator.software.archive import MOST_BYTES, Member, members_of
from pywats_mqtt.emulator.software.multipart import file_in
from pywats_mqtt.emulator.wire import Refusal
from tests.emulator.examples import zip_of
from tests.emulator.test_software import PACKAGE, make, walk

UPLOAD = f"{PACKAGE}/UploadZip"
HELLO = hashlib.sha256(b"hello").hexdigest()


async def files(http: httpx.AsyncClient, package_id: str) -> list[tuple[str, str, str]]:
    """The files of a package as (folder, name, attributes)."""
    answer = await http.get(f"/api/Software/PackageFiles/{package_id}")
    return [(file["packageFolderName"], file["name"], file["attributes"]) for file in answer.json()]


async def upload(http: httpx.AsyncClient, package_id: str, content: bytes, **query: str) -> str:
    """Send a zip as it is; the refusal, empty for none."""
    headers = {"Content-Type": "application/zip"}
    answer = await http.post(f"{UPLOAD}/{package_id}", params=query, content=content, headers=headers)
    assert answer.status_code in {200, 400}
    return answer.json()["Message"] if answer.status_code == 400 else answer.text


async def test_a_zip_gives_a_package_its_files(http: httpx.AsyncClient) -> None:
    """Each file with its folder; state shows size and hash of what arrived; folders are no files."""
    made = await make(http)
    content = zip_of({"bin/": b"", "bin/a.exe": b"hello", "bin/sub/b.txt": b""})
    assert await upload(http, made["packageId"], content) == ""
    assert await files(http, made["packageId"]) == [("bin", "a.exe", "None"), ("bin/sub", "b.txt", "None")]
    (shown,) = (await http.get("/_emulator/state")).json()["packages"]
    assert {key: value for key, value in shown.items() if key not in {"files", "modified"}} == {
        key: value for key, value in made.items() if key != "modified"
    }
    assert shown["modified"] > made["modified"]
    assert (shown["files"][0]["size_bytes"], shown["files"][0]["sha256"]) == (5, HELLO)


async def test_a_zip_comes_raw_or_in_a_form(http: httpx.AsyncClient) -> None:
    """The first file of a multipart form is the zip, also behind plain fields and with line ends in it."""
    made = await make(http)
    content = zip_of({"bin/a": b"\r\n--\r\n" * 9}, zipfile.ZIP_STORED)
    for form in (None, {"note": "first", "other": "x"}):
        answer = await http.post(
            f"{UPLOAD}/{made['packageId']}?cleanInstall=true", data=form, files={"file": ("p.zip", content)}
        )
        assert (answer.status_code, answer.content) == (200, b"")
        assert await files(http, made["packageId"]) == [("bin", "a", "None")]


async def test_a_second_zip_joins_or_replaces(http: httpx.AsyncClient) -> None:
    """A file that is there keeps its id and attribute and gets the new content; `cleanInstall` begins anew."""
    made = await make(http)
    await upload(http, made["packageId"], zip_of({"bin/a": b"old", "bin/b": b""}))
    (first, _) = (await http.get(f"/api/Software/PackageFiles/{made['packageId']}")).json()
    attribute = f"{PACKAGE}/FileAttribute/{first['packageFileId']}"
    assert (await http.post(attribute, params={"attribute": "ExecuteOnce"})).content == b""
    await upload(http, made["packageId"], zip_of({"bin/a": b"hello", "bin/c": b""}), cleanInstall="false")
    assert await files(http, made["packageId"]) == [
        ("bin", "a", "ExecuteOnce"),
        ("bin", "b", "None"),
        ("bin", "c", "None"),
    ]
    (shown,) = (await http.get("/_emulator/state")).json()["packages"]
    assert (shown["files"][0]["packageFileId"], shown["files"][0]["sha256"]) == (first["packageFileId"], HELLO)
    await upload(http, made["packageId"], zip_of({"bin/c": b""}), cleanInstall="true")
    assert await files(http, made["packageId"]) == [("bin", "c", "None")]


async def test_a_refused_zip_leaves_the_files_alone(http: httpx.AsyncClient) -> None:
    """A `cleanInstall` that fails deletes nothing."""
    made = await make(http)
    await upload(http, made["packageId"], zip_of({"bin/a": b""}))
    assert "root of the zip" in await upload(http, made["packageId"], zip_of({"a": b""}), cleanInstall="true")
    assert "cleanInstall" in await upload(http, made["packageId"], zip_of({"bin/a": b""}), cleanInstall="1")
    assert await files(http, made["packageId"]) == [("bin", "a", "None")]


async def test_only_a_draft_takes_files(http: httpx.AsyncClient) -> None:
    """A pending package keeps its files and their attributes; as a draft again it takes them; deleted, it has none."""
    made = await make(http)
    await upload(http, made["packageId"], zip_of({"bin/a": b""}))
    (file,) = (await http.get(f"/api/Software/PackageFiles/{made['packageId']}")).json()
    attribute = f"{PACKAGE}/FileAttribute/{file['packageFileId']}"
    await walk(http, made, "Pending")
    assert "is Pending" in await upload(http, made["packageId"], zip_of({"bin/b": b""}))
    assert "is Pending" in (await http.post(attribute, params={"attribute": "x"})).json()["Message"]
    await walk(http, made, "Draft")
    assert (await http.post(attribute)).json()["Message"] == "query parameter attribute is required"
    assert (await http.post(attribute, params={"attribute": "x" * 101})).status_code == 400
    assert (await http.post(attribute, params={"attribute": ""})).status_code == 200
    assert (await http.delete(f"{PACKAGE}/{made['packageId']}")).status_code == 200
    assert (await http.post(attribute, params={"attribute": "x"})).status_code == 404


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.exe", "'a.exe' lies at the root of the zip"),
        ("../a", "no path below the package"),
        ("bin/../../a", "no path below the package"),
        ("/bin/a", "no path below the package"),
        ("bin//a", "no path below the package"),
        ("C:/bin/a", "no path below the package"),
        ("bin/" + "x" * 260, "264 characters, at most 260"),
    ],
)
def test_paths_stay_in_a_folder_of_the_package(path: str, message: str) -> None:
    """A path that is none below the package is refused, with slashes or with backslashes."""
    for spelled in (path, path.replace("/", "\\")):
        with pytest.raises(Refusal) as refused:
            members_of(zip_of({"bin/ok": b"", spelled: b""}))
        assert (refused.value.status, message in str(refused.value)) == (400, True)


def test_backslashes_are_slashes() -> None:
    """As older .NET programs write them."""
    assert members_of(zip_of({"bin\\": b"", "bin\\sub\\a": b"hello"})) == [Member("bin/sub", "a", 5, HELLO)]


def test_a_zip_is_bounded_by_what_it_declares() -> None:
    """Too many files, too many bytes in all, a path twice in any case: each is refused before anything is unpacked."""
    content = zip_of({"bin/a": b"x" * 60, "bin/b": b"y" * 60})
    assert len(members_of(content, most_files=2, most_bytes=120)) == 2
    with pytest.raises(Refusal, match="more than 1 files"):
        members_of(content, most_files=1)
    with pytest.raises(Refusal, match="unpacks to 120 bytes, at most 119"):
        members_of(content, most_bytes=119)
    with pytest.raises(Refusal, match="'BIN/A' twice"):
        members_of(zip_of({"bin/a": b"", "BIN/A": b""}))


def declaring(content: bytes, size: int, checksum: bytes | None = None) -> bytes:
    """A zip of one file, whose headers declare another size, and another CRC-32."""
    changed = bytearray(content)
    central = content.index(b"PK\x01\x02")
    # APPNOTE 4.3.7 and 4.3.12: where the headers hold the uncompressed size and, 8 bytes before it, the checksum.
    for place in (22, central + 24):
        struct.pack_into("<I", changed, place, size)
        if checksum is not None:
            changed[place - 8 : place - 4] = checksum
    return bytes(changed)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_bomb_does_not_hide_its_size(compression: int) -> None:
    """A file that unpacks to more than it declares is refused, whatever part its checksum fits; so is less."""
    bomb = zip_of({"bin/bomb": b"hello" + b"\0" * 3_000_000}, compression)
    for part in (None, b"hello", b"hello\0"):
        checksum = None if part is None else zlib.crc32(part).to_bytes(4, "little")
        with pytest.raises(Refusal, match=r"Bad CRC-32|is larger than the 5 bytes it declares"):
            members_of(declaring(bomb, 5, checksum))
    with pytest.raises(Refusal, match="has 5 bytes, not the 6"):
        members_of(declaring(zip_of({"bin/a": b"hello"}, compression), 6))


async def test_a_bomb_is_refused_over_the_wire(http: httpx.AsyncClient) -> None:
    """400 with what is allowed, at once; an empty body and half a zip are 400, too."""
    made = await make(http)
    content = zip_of({"bin/a": b"hello" * 100})
    bomb = declaring(content, MOST_BYTES + 1)
    assert f"at most {MOST_BYTES} are taken" in await upload(http, made["packageId"], bomb)
    for broken in (b"", b"PK\x03\x04", content[: len(content) // 2], content[10:], b"--x\r\n\r\nhalf a form"):
        assert await upload(http, made["packageId"], broken) != ""
    assert await files(http, made["packageId"]) == []


def test_other_ways_to_pack_are_refused() -> None:
    """Encrypted files, and compression that may ask for any amount of memory."""
    encrypted = bytearray(zip_of({"bin/a": b"hello"}))
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Refusal, match="'bin/a' in the zip is encrypted"):
        members_of(bytes(encrypted))
    for compression in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(Refusal, match="another way than deflate"):
            members_of(zip_of({"bin/a": b"hello"}, compression))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"--\r\n", "begins with no boundary"),
        (b"--" + b"x" * 71 + b"\r\n", "begins with no boundary"),
        (b"--x", "before its last boundary"),
        (b"--x\r\n\r\nrest", "before its last boundary"),
        (b"--x\r\n\r\nrest\r\n--x", "before its last boundary"),
        (b'--x\r\nContent-Disposition: form-data; name="filename"\r\n\r\nz\r\n--x--', "holds no file"),
        (b'--x\r\nContent-Disposition: form-data; filename="a"\r\n--x--', "holds no file"),
    ],
)
def test_a_broken_form_is_refused(body: bytes, message: str) -> None:
    """400 says what is missing: the boundary, the end or the file."""
    with pytest.raises(Refusal, match=message):
        file_in(body)


SOUND = zip_of({"bin/a": b"hello" * 20, "bin/b": b""})


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A zip with some bytes changed, or cut short."""
    content = bytearray(SOUND)
    for _ in range(draw(st.integers(1, 4))):
        content[draw(st.integers(0, len(SOUND) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(len(SOUND) // 2, len(SOUND)))])


@given(damaged() | st.binary(max_size=60))
@example(SOUND)
def test_reading_a_zip_is_total(content: bytes) -> None:
    """Any bytes give files or a refusal, nothing else."""
    try:
        assert all(member.folder and member.name for member in members_of(content))
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017 - what is refused is the point


@given(st.binary(max_size=60).map(lambda rest: b"--x\r\n" + rest + b"\r\n--x--"))
def test_reading_a_form_is_total(body: bytes) -> None:
    """Any bytes between boundaries give a file or a refusal, nothing else."""
    try:
        file_in(body)
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017 - what is refused is the point

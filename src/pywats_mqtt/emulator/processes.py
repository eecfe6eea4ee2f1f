"""The operations of a server: what reports may name. Every real server has its own."""

from collections.abc import Iterable, Mapping

import msgspec

HIGHEST_CODE = 2**31 - 1
LONGEST_NAME = 100

ACTIVE = 1
"""The `state` of an operation that is in use."""


class Process(msgspec.Struct, frozen=True, rename="camel"):
    """An operation. A report of type T names a test operation, one of type R a repair operation.

    Attributes:
        process_index: Its place among the operations, from 0.
        state: 1 for an active operation; any other hides it from those who do not ask for inactive ones.
    """

    code: int
    name: str
    process_index: int
    is_test_operation: bool = False
    is_repair_operation: bool = False
    is_wip_operation: bool = False
    description: str = ""
    state: int = ACTIVE


Processes = Mapping[int, Process]
"""Operations by code, in their order."""


def _process(index: int, code: int, name: str, kind: str) -> Process:
    return Process(
        code,
        name,
        index,
        is_test_operation=kind == "test",
        is_repair_operation=kind == "repair",
        is_wip_operation=kind == "wip",
    )


_KINDS = ("test", "repair", "wip")

# The codes of the vendor's demonstration servers.
_SEEDED = (
    (10, "SW Debug", "test"),
    (30, "ICT", "test"),
    (50, "PCBA test", "test"),
    (60, "Functional", "test"),
    (70, "Insulation", "test"),
    (90, "Burn In test", "test"),
    (100, "End of line test", "test"),
    (500, "Repair", "repair"),
    (510, "RMA Repair", "repair"),
)

SEEDED: Processes = {code: _process(index, code, name, kind) for index, (code, name, kind) in enumerate(_SEEDED)}
"""What a server has that is told nothing else."""


def parse_processes(texts: Iterable[str]) -> Processes:
    """Operations from `CODE=NAME` or `CODE=NAME:KIND`; a kind is test, which is the default, repair or wip.

    Raises:
        ValueError: A text is none, or two have one code or, in any case, one name; the message is one line.
    """
    found: dict[int, Process] = {}
    for index, text in enumerate(texts):
        process = _parse(index, text)
        if process.code in found:
            raise ValueError(f"{text!r}: the code {process.code} is given twice")
        if any(process.name.casefold() == other.name.casefold() for other in found.values()):
            raise ValueError(f"{text!r}: the name {process.name!r} is given twice")
        found[process.code] = process
    return found


def _parse(index: int, text: str) -> Process:
    code, equals, rest = text.partition("=")
    name, colon, kind = rest.rpartition(":")
    if not colon:
        name, kind = rest, _KINDS[0]
    name = name.strip()
    if not equals or not (code.isascii() and code.isdigit()) or len(code) > len(str(HIGHEST_CODE)):
        raise ValueError(f"{text!r}: expected CODE=NAME or CODE=NAME:KIND, such as '100=End of line test:test'")
    if int(code) > HIGHEST_CODE:
        raise ValueError(f"{text!r}: a code is at most {HIGHEST_CODE}")
    if kind not in _KINDS:
        raise ValueError(f"{text!r}: after the last colon comes {', '.join(_KINDS[:-1])} or {_KINDS[-1]}")
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"{text!r}: a name has 1 to {LONGEST_NAME} printable characters")
    return _process(index, int(code), name, kind)

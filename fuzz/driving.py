"""Runs a target: with atheris, guided by what it reaches, where it is installed; else by mutation of a corpus."""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

Target = Callable[[bytes], None]

LONGEST = 65_536
"""Bytes of an input at most: what is longer is a matter of the limits, which have tests of their own."""

PIECES = (
    *(b"NaN", b"Infinity", b"1e999", b"-0", b"9" * 400, b"0." + b"0" * 400 + b"1", b"2147483648", b"-1", b"1e-999"),
    *(b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"\\u001b[2J"', b'"' + b"x" * 300 + b'"', b'""', b"null", b"true"),
    *(
        b"[" * 40,
        b"[" * 2_000,
        b'{"a":' * 40,
        b"[]",
        b"{}",
        b",",
        b":",
        b'"',
        b"\\",
        b"\0",
        b"\xed\xa0\x80",
        b"\xc0\x80",
    ),
)
"""What is put into an input: values at the edge of JSON, and of what holds them."""


def drive(load: Callable[[], Target], corpus: Callable[[], Sequence[bytes]]) -> None:
    """Run a target until `--runs` or `--seconds` is over, or for ever; ends with 1 and the input at what it finds.

    Args:
        load: imports what is to be tested, and gives the function that raises where something does not hold.
        corpus: gives the inputs to begin with.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=-1, help="inputs to try; all the time there is, if not given")
    parser.add_argument("--seconds", type=int, default=0, help="time to go on for; no limit, if not given")
    parser.add_argument("--seed", type=int, default=0, help="of the mutation, printed at the start; 0 takes a new one")
    parser.add_argument("--plain", action="store_true", help="do without atheris")
    parser.add_argument("input", nargs="*", type=Path, help="files to try instead, as a find was written")
    options = parser.parse_args()
    if options.input:
        target = load()
        for path in options.input:
            target(path.read_bytes())
    elif options.plain or importlib.util.find_spec("atheris") is None:
        seed = options.seed or random.SystemRandom().getrandbits(32)
        mutate(load(), corpus(), runs=options.runs, seconds=options.seconds, seed=seed)
    else:
        _guided(load, corpus(), options.runs, options.seconds, options.seed)


def _guided(load: Callable[[], Target], corpus: Sequence[bytes], runs: int, seconds: int, seed: int) -> None:
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: PLC0415 - no dependency

    with atheris.instrument_imports(include=["pywats_mqtt"]):
        target = load()
    with tempfile.TemporaryDirectory() as folder:
        seeds, words = Path(folder, "corpus"), Path(folder, "words")
        seeds.mkdir()
        for number, data in enumerate(corpus):
            (seeds / str(number)).write_bytes(data)
        words.write_text("\n".join(f'"{_escaped(piece)}"' for piece in PIECES if len(piece) <= 64))  # noqa: PLR2004 - a word's length in libFuzzer
        atheris.Setup(
            [
                *(sys.argv[0], f"-runs={runs}", f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={LONGEST}"),
                *(f"-dict={words}", "-timeout=10", str(seeds)),
            ],
            target,
        )
        atheris.Fuzz()


def _escaped(piece: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in piece)


def mutate(target: Target, corpus: Sequence[bytes], *, runs: int, seconds: int, seed: int) -> None:
    """Try mutations of a corpus; ends the program at the first that fails, which it leaves in a file."""
    print(f"plain mutation of {len(corpus)} inputs, seed {seed}")
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    end, tried = time.monotonic() + seconds, 0
    while tried != runs and not (seconds and time.monotonic() > end):
        data = mutated(chance.choice(corpus), chance, corpus)
        try:
            target(data)
        except Exception:  # noqa: BLE001 - that is what it looks for
            traceback.print_exc()
            found = Path(tempfile.gettempdir(), f"found-{seed}-{tried}")
            found.write_bytes(data)
            sys.exit(f"found by input {tried} of seed {seed}; it stands in {found}")
        tried += 1
    print(f"{tried} inputs, nothing found")


def mutated(data: bytes, chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    """Change an input in one to four places."""
    for _ in range(chance.randint(1, 4)):
        at, to = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
        match chance.randrange(6):
            case 0:
                data = data[:at] + chance.choice(PIECES) + data[at:]
            case 1:
                data = data[:at] + chance.choice(PIECES) + data[to:]
            case 2:
                data = data[:at] + data[to:]
            case 3:
                data = data[:at] + data[at:to] * chance.randint(2, 5) + data[to:]
            case 4:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case _:
                other = chance.choice(corpus)
                data = data[:at] + other[chance.randint(0, len(other)) :]
    return data[:LONGEST]

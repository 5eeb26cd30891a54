"""How much the tests move and how often: small every day, full with KADE_TEST_SIZES=full (make test-long)."""

import os
from dataclasses import dataclass

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True)
class Sizes:
    """The amounts that tests take from here instead of naming their own. Bytes, counts and seconds."""

    full: bool
    """Whether these are the sizes that the issues name; tests marked `long` run only then."""
    body: int
    """Bytes of one large upload or download."""
    crash_rounds: int
    """Rounds of killing the server; KADE_CRASH_ROUNDS overrides it."""
    crash_seconds: int
    """Time after which no new crash round starts, unless KADE_CRASH_ROUNDS asks for a number of them."""
    uploads: int
    """Uploads at once in the test of memory."""
    upload_body: int
    """Bytes of each of those uploads."""
    examples: int
    """Examples that hypothesis tries per property."""
    tasks: int
    """Tasks of the File Client in its storm."""
    interleavings: int
    """Rounds of each race in the suites that drive transactions against each other."""
    filters: int
    """Random filters of lists that each database answers."""
    published: int
    """Files that publishers bring while fifty applications poll for them."""
    line: int
    """Bytes of the one line that a file consists of whose text is extracted."""
    handed_in: int
    """Bytes of the file that is handed in by a browser."""
    damaged: int
    """How often each file of a format is read with other bytes changed."""


SMALL = Sizes(
    full=False,
    body=256 * MIB,
    crash_rounds=50,
    crash_seconds=420,
    uploads=200,
    upload_body=16 * MIB,
    examples=100,
    tasks=150,
    interleavings=20,
    filters=200,
    published=60,
    line=64 * MIB,
    handed_in=8 * MIB,
    damaged=15,
)
FULL = Sizes(
    full=True,
    body=2 * GIB,
    crash_rounds=1000,
    crash_seconds=240,  # all tests together end within half an hour; KADE_CRASH_ROUNDS has no such bound
    uploads=200,
    upload_body=64 * MIB,
    examples=1000,
    tasks=1000,
    interleavings=200,
    filters=5_000,
    published=1_000,
    line=GIB,
    handed_in=200_000_000,
    damaged=500,
)


def choose(environment: dict[str, str]) -> Sizes:
    """Sizes for an environment; ValueError when KADE_TEST_SIZES is neither empty, small nor full."""
    named = environment.get("KADE_TEST_SIZES") or "small"
    if named not in ("small", "full"):
        raise ValueError(f"KADE_TEST_SIZES is {named!r}, not 'small' or 'full'")
    chosen = FULL if named == "full" else SMALL
    rounds = environment.get("KADE_CRASH_ROUNDS")
    if not rounds:
        return chosen
    values = vars(chosen) | {"crash_rounds": int(rounds), "crash_seconds": 24 * 3600}
    return Sizes(**values)


sizes = choose(dict(os.environ))

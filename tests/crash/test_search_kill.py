"""SIGKILL of a process that changes an index: it opens again, sound, with all that was acknowledged."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.requirements import ROOT
from tests.support.search import SPACE_OF_CHILD, find
from tests.support.search_child import ALWAYS, opened
from tests.support.sizes import sizes

ROUNDS = 25 if sizes.full else 4


@pytest.fixture(params=["tantivy", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the index of each implementation is."""
    if request.param == "tantivy":
        return str(tmp_path / "index")
    url: str = request.getfixturevalue("postgres_url")
    return url


def killed(how: str, where: str, seconds: float) -> list[int]:
    """Numbers that a child acknowledged before it was killed, so long after it was ready."""
    command = [sys.executable, "-m", "tests.support.search_child", how, where]
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": "src:."}
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(seconds)
    child.kill()
    said = child.stdout.read()
    child.wait()
    child.stdout.close()
    return [int(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]


def generations(folder: str) -> int:
    return len(list(Path(folder).glob("g-*")))


async def test_what_was_applied_is_there_whenever_the_process_is_killed(where: str) -> None:
    chance = random.Random(3)
    acknowledged: set[int] = set()
    for _ in range(ROUNDS):
        acknowledged.update(killed("apply", where, chance.uniform(0.0, 0.6)))
        async with opened(where) as index:
            entries = [int(file_id, 16) - 1 for file_id, _ in await index.entries(None, 1_000_000)]
            assert acknowledged <= set(entries)
            assert len(entries) % 2 == 0  # a change is made as a whole
            found = await find(index, "appel", SPACE_OF_CHILD)
            assert found.count == len(entries)
            for number in chance.sample(entries, min(5, len(entries))):
                assert (await find(index, f"nummer{number}", SPACE_OF_CHILD)).count == 1
    assert acknowledged


async def test_one_whole_generation_is_there_whenever_a_rebuild_is_killed(where: str) -> None:
    chance = random.Random(4)
    largest = 0
    for _ in range(ROUNDS):
        swapped = max(killed("rebuild", where, chance.uniform(0.1, 2.0)), default=0)
        largest = max(largest, swapped)
        async with opened(where) as index:
            count = (await find(index, "appel", SPACE_OF_CHILD)).count
            assert count == len(await index.entries(None, 1_000_000))
            assert count >= swapped
            assert count in (0, *range(ALWAYS, ALWAYS + 10_000))
            rebuild = await index.rebuild()
            await rebuild.abandon()
        if not where.startswith("postgresql"):
            assert generations(where) == 1  # nothing is left of the one that was killed
    assert largest >= ALWAYS

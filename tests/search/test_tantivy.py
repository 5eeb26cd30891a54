"""The index in a folder: what is only its own, its folder and its one writer."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.requirements import ROOT
from tests.support.search import SPACE_OF_CHILD, a_document, find, texts
from tests.support.search_child import child_document, opened

from kade.core.errors import KadeError, SearchReason


@contextlib.contextmanager
def child(how: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that changes the index, ready."""
    command = [sys.executable, "-m", "tests.support.search_child", how, str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": "src:."}
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        try:
            yield running
        finally:
            running.kill()


def files(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def spoil_pointer(folder: Path) -> None:
    (folder / "current").write_bytes(b"\xff\xfe rubbish")


def lose_pointer(folder: Path) -> None:
    (folder / "current").unlink()


def make_older(folder: Path) -> None:
    name = (folder / "current").read_text().split()[1]
    (folder / "current").write_text(f"0 {name}\n")


def point_outside(folder: Path) -> None:
    (folder / "current").write_text("1 ../../etc\n")


def lose_generation(folder: Path) -> None:
    (folder / "current").write_text("1 g-gone\n")


def lose_meta(folder: Path) -> None:
    next(folder.glob("g-*/meta.json")).unlink()


def spoil_meta(folder: Path) -> None:
    next(folder.glob("g-*/meta.json")).write_text("{}")


@pytest.mark.parametrize(
    "harm",
    [spoil_pointer, lose_pointer, make_older, point_outside, lose_generation, lose_meta, spoil_meta],
    ids=lambda harm: str(harm.__name__),
)
async def test_what_cannot_be_read_is_begun_empty(tmp_path: Path, harm) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "deep" / "index"
    async with opened(str(folder)) as index:
        await texts(index, "appel")
    harm(folder)
    for count in (0, 1):
        async with opened(str(folder)) as index:
            assert (await find(index, "appel")).count == count
            await texts(index, "appel")
            assert len(files(folder, "g-*")) == 1


async def test_another_process_sees_a_change_within_a_second(tmp_path: Path) -> None:
    async with opened(str(tmp_path)) as index:
        with child("apply", tmp_path) as running:
            assert running.stdout is not None
            for _ in range(20):
                number = await asyncio.to_thread(running.stdout.readline)
                query, until = f"nummer{number.strip()}", time.monotonic() + 1
                while not (await find(index, query, SPACE_OF_CHILD)).count:
                    assert time.monotonic() < until
                    await asyncio.sleep(0.01)


async def test_one_process_at_a_time_changes_it(tmp_path: Path) -> None:
    async with opened(str(tmp_path)) as index:
        with child("apply", tmp_path) as running:
            assert running.stdout is not None
            running.stdout.readline()
            with pytest.raises(KadeError) as error:
                await index.apply([a_document("peer")])
            assert error.value.reason is SearchReason.INDEX_BUSY
            assert (await find(index, "appel", SPACE_OF_CHILD)).count > 0
        await index.apply([a_document("peer")])
        assert (await find(index, "peer")).count == 1


async def test_a_process_with_nothing_to_change_lets_others(tmp_path: Path) -> None:
    async with opened(str(tmp_path)) as index:
        with child("once", tmp_path) as running:
            assert running.stdout is not None
            running.stdout.readline()
            await index.apply([child_document(1)])
            assert (await find(index, "appel", SPACE_OF_CHILD)).count == 2


async def test_a_change_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    async with opened(str(tmp_path)) as index:
        await texts(index, "appel")
        with pytest.raises(OverflowError):
            await index.apply([a_document("peer"), a_document("peer", length=-1)])
        await texts(index, "appel")
        assert (await find(index, "peer")).count == 0
        assert (await find(index, "appel")).count == 2


async def test_many_small_changes_are_merged(tmp_path: Path) -> None:
    async with opened(str(tmp_path)) as index:
        for _ in range(60):
            await texts(index, "appel")
        assert (await find(index, "appel")).count == 60
    assert len(files(tmp_path, "g-*/*.idx")) <= 20

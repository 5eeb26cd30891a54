"""Folders: names, links, traps, what is left out, what vanishes, and what is noticed by watching."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.sources.services import read, seen, service, unreadable, unsealed

from kade.core.errors import KadeError, SourceReason
from kade.core.ports.sources import Place
from kade.core.sources import Seen, ServiceKind
from kade.sources import LocalPlaces, check_location


@asynccontextmanager
async def opened(root: Path, path: str = "", settings: str = "") -> AsyncIterator[Place]:
    place = await LocalPlaces(unsealed).open(service(ServiceKind.FOLDER, str(root), settings), path)
    try:
        yield place
    finally:
        await place.close()


def write(path: Path, data: bytes = b"text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def run(*command: str) -> None:
    subprocess.run(command, check=True)


async def refused(root: Path, path: str = "", settings: str = "") -> SourceReason:
    with pytest.raises(KadeError) as caught:
        async with opened(root, path, settings) as place:
            await seen(place)
    assert isinstance(caught.value.reason, SourceReason)
    return caught.value.reason


async def test_what_is_told_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "Sales" / "2024" / "figures.xls", b"12345")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    async with opened(tmp_path) as place:
        [item] = (await seen(place)).values()
    assert (item.key, item.folder, item.name) == (
        "Sales/2024/figures.xls",
        ("Sales", "2024"),
        "figures.xls",
    )
    assert (item.length, item.modified_at) == (5, 1_700_000_000_123)


async def test_a_time_that_no_calendar_has_is_not_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a")
    os.utime(path, (0, 400_000_000_000))
    async with opened(tmp_path) as place:
        [item] = (await seen(place)).values()
        assert item.modified_at is None or item.modified_at < 253_402_300_800_000
        assert await read(place, item) == b"text"


@pytest.mark.parametrize("path", ["Sales", "sales/", "SALES"])
async def test_a_place_is_a_folder_below_the_root(tmp_path: Path, path: str) -> None:
    write(tmp_path / "Sales" / "2024" / "a.txt")
    write(tmp_path / "b.txt")
    async with opened(tmp_path, path) as place:
        [item] = (await seen(place)).values()
        assert (item.key, item.folder) == ("2024/a.txt", ("2024",))
        assert await place.look("2024/a.txt") == item
        assert await read(place, item) == b"text"


@pytest.mark.parametrize("path", ["..", "a/../..", "away", "missing", "file", ".", "a\0b"])
async def test_a_place_outside_the_root_or_none_at_all_is_not_there(tmp_path: Path, path: str) -> None:
    write(tmp_path / "outside" / "secret")
    root = tmp_path / "root"
    write(root / "file")
    (root / "a").mkdir()
    (root / "away").symlink_to(tmp_path / "outside")
    assert await refused(root, path) is SourceReason.NOT_THERE


async def test_a_root_that_is_missing_or_a_file_is_not_there(tmp_path: Path) -> None:
    assert await refused(tmp_path / "missing") is SourceReason.NOT_THERE
    assert await refused(write(tmp_path / "file")) is SourceReason.NOT_THERE


async def test_an_empty_root_is_not_believed_unless_it_may_be_empty(tmp_path: Path) -> None:
    assert await refused(tmp_path) is SourceReason.NOT_THERE
    async with opened(tmp_path, settings='{"may_be_empty": true}') as place:
        assert await seen(place) == {}
    (tmp_path / "empty").mkdir()
    async with opened(tmp_path, "empty") as place:
        assert await seen(place) == {}


async def test_a_root_that_empties_is_not_there_for_a_look_either(tmp_path: Path) -> None:
    write(tmp_path / "a")
    async with opened(tmp_path) as place:
        (tmp_path / "a").unlink()
        with pytest.raises(KadeError) as caught:
            await place.look("a")
    assert caught.value.reason is SourceReason.NOT_THERE


async def test_the_root_may_be_a_link_and_so_may_the_place(tmp_path: Path) -> None:
    write(tmp_path / "real" / "v3" / "a.txt")
    (tmp_path / "real" / "current").symlink_to("v3")
    (tmp_path / "root").symlink_to("real")
    async with opened(tmp_path / "root", "current") as place:
        assert list(await seen(place)) == ["a.txt"]


async def test_links_lead_to_files_inside_and_nowhere_else(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "secret.txt", b"secret")
    root = tmp_path / "root"
    write(root / "docs" / "a.txt", b"inside")
    (root / "link.txt").symlink_to("docs/a.txt")
    (root / "whole.txt").symlink_to(root / "docs" / "a.txt")
    (root / "leak.txt").symlink_to(outside)
    (root / "up.txt").symlink_to("../outside/secret.txt")
    (root / "away").symlink_to(tmp_path / "outside")
    (root / "docs" / "loop").symlink_to("..")
    (root / "self").symlink_to("self")
    (root / "dangling").symlink_to("nothing")
    async with opened(root) as place:
        found = await seen(place)
        assert sorted(found) == ["docs/a.txt", "link.txt", "whole.txt"]
        assert [await read(place, item) for item in found.values()] == [b"inside"] * 3
        assert [found[key].identity for key in ("link.txt", "whole.txt")] == ["", ""]
        for key in ("leak.txt", "up.txt", "away/secret.txt", "docs/loop/docs/a.txt", "self", "dangling"):
            assert await place.look(key) is None


async def test_what_is_swapped_for_a_link_after_it_was_seen_is_not_followed_out(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "a.txt", b"secret")
    root = tmp_path / "root"
    write(root / "docs" / "a.txt", b"public")
    write(root / "b.txt", b"public")
    async with opened(root) as place:
        found = await seen(place)
        shutil.rmtree(root / "docs")
        (root / "docs").symlink_to(tmp_path / "outside")
        (root / "b.txt").unlink()
        (root / "b.txt").symlink_to(tmp_path / "outside" / "a.txt")
        for item in found.values():
            with pytest.raises(KadeError) as caught:
                await read(place, item)
            assert caught.value.reason is SourceReason.CHANGED
            assert await place.look(item.key) is None
        assert await seen(place) == {}


async def test_a_folder_swapped_for_a_link_in_the_middle_of_a_walk(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.txt")
    root = tmp_path / "root"
    for number in range(1200):  # more than one batch, so that folders are still to come
        write(root / f"{number}.txt")
    write(root / "docs" / "a.txt")
    async with opened(root) as place:
        walk = place.walk()
        found = [await anext(walk)]
        shutil.rmtree(root / "docs")
        (root / "docs").symlink_to(tmp_path / "outside")
        found += [item async for item in walk]
    assert len(found) == 1200
    assert all(isinstance(item, Seen) and not item.folder for item in found)


async def test_pipes_sockets_and_devices_are_passed_over(tmp_path: Path) -> None:
    item_path = write(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        (tmp_path / "null").symlink_to("/dev/null")
        async with opened(tmp_path) as place:
            found = await seen(place)
            assert list(found) == ["a"]
            assert await place.look("pipe") is None
            item_path.unlink()
            os.mkfifo(tmp_path / "a")
            with pytest.raises(KadeError) as caught:
                await asyncio.wait_for(read(place, found["a"]), 10)
    assert caught.value.reason is SourceReason.CHANGED


async def test_names_that_cannot_be_kept_are_told_and_keep_nobody_else_from_being_seen(
    tmp_path: Path,
) -> None:
    for name in (b"new\nline", b"latin\xe9", b"back\\slash", "bidi\u202efdp.exe".encode()):
        write(tmp_path / os.fsdecode(name))
    write(tmp_path / os.fsdecode(b"folder\xff") / "inside")
    write(tmp_path / ("é" * 127))
    write(tmp_path / "good é.txt")
    async with opened(tmp_path) as place:
        told = await unreadable(place)
        items = [item async for item in place.walk() if isinstance(item, Seen)]
        assert await place.look("back\\slash") is None
    assert sorted(item.name for item in items) == ["good é.txt", "é" * 127]
    assert sorted(told) == ["back\\slash", "bidi\\u202efdp.exe", "folder\\xff/", "latin\\xe9", "new\\nline"]
    assert "UTF-8" in told["latin\\xe9"]
    assert all(error and key.encode() for key, error in told.items())


async def test_names_in_decomposed_form_are_shown_composed_and_still_opened(tmp_path: Path) -> None:
    write(tmp_path / "Cafe\u0301" / "cafe\u0301.txt")
    async with opened(tmp_path) as place:
        [item] = (await seen(place)).values()
        assert (item.folder, item.name) == (("Caf\u00e9",), "caf\u00e9.txt")
        assert await read(place, item) == b"text"
        assert await place.look("CAF\u00c9/Caf\u00e9.TXT") == item


async def test_a_look_prefers_the_exact_name_and_goes_back_where_it_led_nowhere(tmp_path: Path) -> None:
    write(tmp_path / "Docs" / "example.xls", b"1")
    write(tmp_path / "docs" / "Example.xls", b"22")
    write(tmp_path / "docs" / "example.xls", b"333")
    async with opened(tmp_path) as place:
        for wanted, key in [
            ("docs/Example.xls", "docs/Example.xls"),
            ("docs/example.xls", "docs/example.xls"),
            ("Docs/EXAMPLE.xls", "Docs/example.xls"),
            ("DOCS/EXAMPLE.XLS", "Docs/example.xls"),
        ]:
            item = await place.look(wanted)
            assert item is not None and item.key == key
        (tmp_path / "Docs" / "example.xls").unlink()
        item = await place.look("Docs/EXAMPLE.xls")
        assert item is not None and item.key == "docs/Example.xls"
        assert await place.look("docs") is None


async def test_files_of_programs_at_work_are_left_out(tmp_path: Path) -> None:
    for name in ("~$report.docx", ".~lock.report.odt#", "Thumbs.db", "thumbs.DB", ".DS_Store", ".a.txt.swp"):
        write(tmp_path / name)
    write(tmp_path / "$RECYCLE.BIN" / "a.txt")
    write(tmp_path / "report.docx")
    write(tmp_path / "draft.tmp")
    write(tmp_path / "old" / "a.txt")
    write(tmp_path / "sub" / "old" / "a.txt")
    async with opened(tmp_path) as place:
        assert sorted(await seen(place)) == ["draft.tmp", "old/a.txt", "report.docx", "sub/old/a.txt"]
        assert await place.look("~$report.docx") is None
    async with opened(tmp_path, settings='{"exclude": ["*.TMP", "sub/old"]}') as place:
        assert sorted(await seen(place)) == ["old/a.txt", "report.docx"]
        assert await place.look("sub/old/a.txt") is None
    async with opened(tmp_path, settings='{"usual": false}') as place:
        assert "~$report.docx" in await seen(place)


AS_NOBODY = """
import asyncio, os, sys
from pathlib import Path
from tests.sources.test_folder import opened
from kade.core.errors import KadeError
from kade.sources import folder  # what is imported later may not be readable

async def main(root):
    async with opened(Path(root)) as place:
        for item in [item async for item in place.walk()]:
            print(type(item).__name__, item.key)
        try:
            async for _ in place.read(await place.look("open/mine.txt")):
                pass
        except KadeError as error:
            print(error.reason.name)
        try:
            await place.look("closed/deep/b.txt")
        except KadeError as error:
            print(error.reason.name)

if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
asyncio.run(main(sys.argv[1]))
"""


async def test_a_folder_that_may_not_be_read_is_told_with_all_below_it() -> None:
    """Nothing is closed to an administrator, so another user walks, in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        os.chmod(root, 0o755)  # noqa: PTH101, S103
        write(root / "open" / "a.txt")
        write(root / "closed" / "deep" / "b.txt")
        write(root / "open" / "mine.txt").chmod(0o000)
        (root / "closed").chmod(0o000)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", AS_NOBODY, name),
            env={**os.environ, "PYTHONPATH": "src:.", "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        (root / "closed").chmod(0o755)
    assert err == b""
    assert sorted(out.decode().splitlines()) == [
        "Seen open/a.txt",
        "Seen open/mine.txt",
        "UNREADABLE",
        "UNREADABLE",
        "Unreadable closed/",
    ]


async def test_a_tree_deeper_than_any_path_is_walked_as_far_as_paths_go(tmp_path: Path) -> None:
    write(tmp_path / "beside.txt")
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(60):  # 6,000 characters
        os.mkdir("d" * 100, dir_fd=folder)
        deeper = os.open("d" * 100, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)
    async with opened(tmp_path) as place:
        [key] = await unreadable(place)
        assert key.startswith("d" * 100 + "/") and len(key) <= 4097
        assert await place.look("beside.txt") is not None
    run("rm", "-rf", str(tmp_path / ("d" * 100)))


async def test_a_file_that_is_written_while_it_is_read_has_changed(tmp_path: Path) -> None:
    path = write(tmp_path / "a", bytes(1_000_000))
    async with opened(tmp_path) as place:
        [item] = (await seen(place)).values()
        reading = place.read(item)
        await anext(reading)
        with path.open("r+b") as file:
            file.seek(999_000)
            file.write(b"other")
        os.utime(path, ns=(0, (item.modified_at or 0) * 1_000_000))
        with pytest.raises(KadeError) as caught:
            async for _ in reading:
                pass
    assert caught.value.reason is SourceReason.CHANGED


async def test_an_inode_that_was_given_to_a_new_file_is_no_rename(tmp_path: Path) -> None:
    write(tmp_path / "stays")
    for _ in range(50):
        old = write(tmp_path / "old")
        os.utime(old, (1_700_000_000, 1_700_000_000))
        before = old.stat()
        async with opened(tmp_path) as place:
            item = (await seen(place))["old"]
            old.unlink()
            new = write(tmp_path / "new")
            other = (await seen(place))["new"]
        assert other.identity != item.identity
        if new.stat().st_ino == before.st_ino:
            return  # it was the trap
        new.unlink()


@pytest.mark.needs("mount")
async def test_a_disk_that_is_unmounted_takes_nothing_with_it(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(root))
    mounted = True
    try:
        for number in range(1500):
            write(root / f"{number % 3}" / f"{number}.txt")
        async with opened(root) as place:
            walk = place.walk()
            await anext(walk)
            run("umount", "-l", str(root))
            mounted = False
            with pytest.raises(KadeError) as caught:
                async for _ in walk:
                    pass
            assert caught.value.reason is SourceReason.NOT_THERE
            with pytest.raises(KadeError) as caught:
                await seen(place)
            assert caught.value.reason is SourceReason.NOT_THERE
    finally:
        if mounted:
            run("umount", "-l", str(root))


async def next_change(changes: AsyncIterator[None]) -> None:
    await asyncio.wait_for(anext(changes), 15)


@pytest.mark.parametrize("change", ["write", "rename", "remove", "make"])
async def test_a_change_is_noticed_once_it_is_quiet(tmp_path: Path, change: str) -> None:
    path = write(tmp_path / "sub" / "a.txt")
    async with opened(tmp_path) as place:
        changes = place.changes()
        waiting = asyncio.ensure_future(next_change(changes))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        if change == "write":
            for number in range(5):
                path.write_bytes(bytes(number))
        elif change == "rename":
            path.rename(tmp_path / "b.txt")
        elif change == "remove":
            path.unlink()
        else:
            write(tmp_path / "new" / "deep" / "c.txt")
        await waiting
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(changes), 1)


async def test_a_change_is_noticed_by_looking_where_nobody_tells(tmp_path: Path) -> None:
    path = write(tmp_path / "sub" / "a.txt")
    async with opened(tmp_path, settings='{"poll_ms": 200}') as place:
        changes = place.changes()
        waiting = asyncio.ensure_future(next_change(changes))
        await asyncio.sleep(1)
        assert not waiting.done()
        path.rename(tmp_path / "b.txt")
        await waiting


async def test_what_is_left_out_is_not_noticed(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    async with opened(tmp_path) as place:
        changes = place.changes()
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.3)
        write(tmp_path / "~$a.docx")
        await asyncio.sleep(1.2)
        assert not waiting.done()
        write(tmp_path / "b.txt")
        await asyncio.wait_for(waiting, 15)
        await changes.aclose()  # type: ignore[attr-defined]


async def test_watching_ends_when_the_folder_goes(tmp_path: Path) -> None:
    write(tmp_path / "root" / "a.txt")
    async with opened(tmp_path / "root") as place:
        changes = place.changes()
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.3)
        shutil.rmtree(tmp_path / "root")
        with pytest.raises(KadeError) as caught:
            await asyncio.wait_for(waiting, 15)
    assert caught.value.reason is SourceReason.NOT_THERE


@pytest.mark.parametrize("location", ["", "relative/path", "/a\0b", "C:\\docs"])
def test_a_location_is_a_full_path(location: str) -> None:
    with pytest.raises(KadeError) as caught:
        check_location("folder", location)
    assert caught.value.reason is SourceReason.BAD_LOCATION


@pytest.mark.parametrize("settings", ["[]", "{", '{"exclud": []}', '{"exclude": [""]}', '{"poll_ms": -1}'])
def test_settings_are_checked(settings: str) -> None:
    check_location("folder", "/srv/docs", '{"exclude": ["*.tmp"]}')
    with pytest.raises(KadeError) as caught:
        check_location("folder", "/srv/docs", settings)
    assert caught.value.reason is SourceReason.BAD_LOCATION


def test_there_are_three_kinds() -> None:
    with pytest.raises(KadeError, match="no kind"):
        check_location("ftp", "ftp://x")

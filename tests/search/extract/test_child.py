"""The child process itself: what it has, what it cannot do, and what happens when it is gone."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.support.extraction import FILES, Reader, busy_child, children, kinds

from kade.core.extraction import RemarkKind
from kade.search.extract.limits import MIB, Limits

# What anybody could try who got hold of the process, after it has given up what the real child gives up.
ATTEMPTS = """
import ctypes, os, socket, subprocess, sys
from pathlib import Path
from kade.search.extract import sandbox
from kade.search.extract.limits import Limits

own, secret, parent = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
assert sandbox.enter(Limits(), own) == (), "the kernel here closes nobody in"
libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, act):
    try:
        print(name, "succeeds", act())
    except OSError as error:
        print(name, "refused", error.errno)

def call(*numbers):
    if libc.syscall(*numbers) < 0:
        raise OSError(ctypes.get_errno(), "")

attempt("internet", lambda: socket.socket(socket.AF_INET))
attempt("internet6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
attempt("unix", lambda: socket.socket(socket.AF_UNIX))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
attempt("datagrams", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
attempt("io_uring", lambda: call(425, 1, 0))
attempt("read", lambda: open(secret).read())
attempt("write", lambda: open(secret + ".new", "w"))
attempt("passwd", lambda: open("/etc/passwd").read())
attempt("list", lambda: os.listdir("/"))
attempt("kill", lambda: os.kill(parent, 0))
socket.socketpair()
(own / "mine").write_text("what is its own it may write")
subprocess.run(["cat", secret], check=True)
"""


def test_a_child_cannot_reach_beyond_itself(tmp_path: Path) -> None:
    own, secret = tmp_path / "own", tmp_path / "secret"
    own.mkdir()
    secret.write_text("geheim")
    command = [sys.executable, "-I", "-c", ATTEMPTS, str(own), str(secret), str(os.getpid())]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr  # cat could not read it
    assert "CalledProcessError" in done.stderr
    outcomes = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    reaching = ["internet", "internet6", "unix", "netlink", "datagrams", "io_uring"]
    assert outcomes == dict.fromkeys([*reaching, "read", "write", "passwd", "list", "kill"], "refused")
    assert "geheim" not in done.stdout


def proc(child: psutil.Process, file: str) -> str:
    return Path(f"/proc/{child.pid}/{file}").read_text()


def descriptors(child: psutil.Process) -> set[str]:
    """What its descriptors stand for."""
    return {str(link.readlink()) for link in Path(f"/proc/{child.pid}/fd").iterdir()}


def left_in(folder: str | Path) -> list[Path]:
    return list(Path(folder).iterdir())


async def test_the_real_child_is_closed_in(reader: Reader) -> None:
    """Looked at from outside, while it waits for the next file."""
    os.environ["KADE_OF_THE_PARENT"] = "geheim"
    try:
        assert await reader.works()
    finally:
        del os.environ["KADE_OF_THE_PARENT"]
    (child,) = children()
    environment = proc(child, "environ")
    assert "KADE_" not in environment
    assert {line.partition("=")[0] for line in environment.split("\0") if line} == {
        *("PATH", "LANG", "HOME", "TMPDIR"),
        *("MALLOC_ARENA_MAX", "OMP_THREAD_LIMIT", "RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS"),
    }
    status = dict(line.split(":\t", 1) for line in proc(child, "status").splitlines())
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    limits = proc(child, "limits")
    assert f"Max address space         {1024 * MIB}" in limits
    assert "Max core file size        0 " in limits
    assert f"Max file size             {512 * MIB}" in limits
    assert child.nice() >= 10
    assert Path(child.cwd()).parent == reader.folder


async def test_the_real_child_has_no_descriptors_of_ours(reader: Reader) -> None:
    with (reader.folder / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        assert await reader.works()
        (child,) = children()
        opened = descriptors(child)
    assert str(reader.folder / "ours") not in opened
    assert not any(str(reader.folder / "content") == name for name in opened)
    assert sum(name.startswith("socket:") for name in opened) <= 3  # its line, and its runtime's own pair


async def test_one_child_reads_many_files(reader: Reader) -> None:
    assert await reader.works()
    (first,) = children()
    for _ in range(20):
        assert await reader.works()
    assert children() == [first]


async def test_a_child_is_replaced_after_so_many_files(tmp_path: Path) -> None:
    reader = Reader(tmp_path, Limits(files=3))
    seen: set[int] = set()
    for _ in range(9):
        assert await reader.works()
        seen.update(child.pid for child in children())
    assert len(seen) == 3
    await reader.close()


async def test_a_child_may_wait_for_longer_than_it_may_read(tmp_path: Path) -> None:
    reader = Reader(tmp_path, Limits(wall=1))
    assert await reader.works()
    waiting = children()
    await asyncio.sleep(7)  # the limit, and the grace after which a child ends itself
    assert await reader.works()
    assert children() == waiting
    await reader.close()


async def test_a_child_that_grew_is_replaced(tmp_path: Path) -> None:
    reader = Reader(tmp_path, Limits(grown=10 * MIB))
    assert await reader.works()
    assert children() == []
    assert await reader.works()
    await reader.close()


def slow() -> bytes:
    return b"{\\rtf1 " + b"\\b0 x\\b y{\\i z}" * 3_000_000 + b"}"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_a_child_that_dies_costs_one_file(reader: Reader, how: signal.Signals) -> None:
    reading = asyncio.create_task(reader.read(slow(), "lang.rtf"))
    os.kill((await busy_child()).pid, how)
    found = await reading
    assert (found.text, kinds(found)) == ("", {RemarkKind.CRASHED})
    assert await reader.works()


async def test_a_child_that_hangs_costs_one_file(tmp_path: Path) -> None:
    reader = Reader(tmp_path, Limits(wall=3))
    reading = asyncio.create_task(reader.read(slow(), "lang.rtf"))
    os.kill((await busy_child()).pid, signal.SIGSTOP)
    found = await reading
    assert (found.text, kinds(found)) == ("", {RemarkKind.TIMED_OUT})
    assert await reader.works()
    await reader.close()


async def test_a_child_that_died_while_idle_costs_nothing(reader: Reader) -> None:
    assert await reader.works()
    (child,) = children()
    child.kill()
    await asyncio.sleep(0.3)
    assert await reader.works()


async def test_who_waits_no_longer_leaves_nothing_behind(reader: Reader) -> None:
    reading = asyncio.create_task(reader.read(slow(), "lang.rtf"))
    child = await busy_child()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not child.is_running()
    assert await reader.works()


async def test_closing_stops_children_and_removes_their_folders(reader: Reader) -> None:
    for name in ("verslag.docx", "verslag.pdf"):
        await reader.read((FILES / name).read_bytes(), name)
    assert len(left_in(reader.folder)) == 2  # the child's, and the file
    await reader.close()
    assert children() == []
    assert len(left_in(reader.folder)) == 1


async def test_a_child_leaves_no_files_of_what_it_read(reader: Reader) -> None:
    await reader.attachments((FILES / "verslag.docx").read_bytes(), "a.docx", ["image1.png"])
    (child,) = children()
    assert left_in(child.cwd()) == []


async def test_limits_that_no_child_can_live_with(tmp_path: Path) -> None:
    reader = Reader(tmp_path, Limits(memory=20 * MIB))
    with pytest.raises(RuntimeError, match="does not start"):
        await reader.works()
    assert children() == []
    await reader.close()

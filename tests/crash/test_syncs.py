"""SIGKILL leaves the page cache whole; a power cut does not. So the real process's system calls are read.

Before every answer that acknowledges bytes, those bytes were fdatasync'ed, the folder of a new segment was
synced, the catalog's log was written and synced; and each rename was preceded by a sync of the file and
followed by one of its folder. Under eatmydata, which makes syncs disappear, the same test must fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import UPLOAD
from tests.support.raw_http import RawConnection
from tests.support.requirements import program

_CALLS = (
    "openat,write,writev,pwrite64,pwritev,sendto,sendmsg,recvfrom,read,"
    "fdatasync,fsync,rename,renameat,renameat2"
)
_LINE = re.compile(r"^\d+ +(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_IS_WRITE = re.compile(r"^\d+ +(write|pwrite|send)")
_PATH = re.compile(r"^-?\w+<(?P<path>[^>]*)>")
_PLAIN = {
    "KADE_EXCHANGE_TLS": "false",
    "KADE_EXCHANGE_CLIENT_CERTIFICATE_HEADER": "X-Client-Cert",
    "KADE_EXCHANGE_TRUSTED_PROXIES": "127.0.0.1",
}


class Violation(AssertionError):
    """An answer or a rename that came before what it promises was durable."""


class Watcher:
    """Follows the calls in order and knows what is durable."""

    def __init__(self) -> None:
        self.unsynced: set[str] = set()
        self.new_names: set[str] = set()
        self.renamed: set[str] = set()
        self.log_written = False
        self.log_synced = False
        self.answers = 0
        self.renames = 0

    def see(self, call: str, arguments: str, result: int) -> None:
        match = _PATH.match(arguments)
        path = match["path"] if match else ""
        if call == "openat" and "O_CREAT" in arguments and result >= 0 and "/segments/" in arguments:
            self.new_names.add(self._opened(arguments))
        elif call in ("fdatasync", "fsync"):
            self._synced(path)
        elif call.startswith("rename"):
            self._rename(arguments)
        elif (
            call in ("read", "recvfrom")
            and path.startswith("socket:")
            and re.search(r'"(PATCH|POST) ', arguments)
        ):
            self.log_written = self.log_synced = False
        elif call.startswith(("write", "pwrite", "send")):
            self._written(path, arguments)

    def finish(self) -> None:
        if self.renamed:
            raise Violation(f"renamed, and the folder not synced afterwards: {self.renamed}")

    def _opened(self, arguments: str) -> str:
        return str(arguments.split('"')[1])

    def _synced(self, path: str) -> None:
        self.unsynced.discard(path)
        self.new_names = {name for name in self.new_names if str(Path(name).parent) != path}
        self.renamed = {name for name in self.renamed if str(Path(name).parent) != path}
        if path.endswith("-wal") and self.log_written:
            self.log_synced = True

    def _rename(self, arguments: str) -> None:
        names = re.findall(r'"([^"]*)"', arguments)
        self.renames += 1
        if any(each.endswith(Path(names[0]).name) for each in self.unsynced):
            raise Violation(f"renamed before it was synced: {names}")
        self.renamed.add(names[1])

    def _written(self, path: str, arguments: str) -> None:
        if "/segments/" in path or "/handed-over/" in path:
            self.unsynced.add(path)
        elif path.endswith("-wal"):
            self.log_written = True  # a later write, of the audit trail say, takes nothing back
        elif (
            path.startswith("socket:")
            and re.search(r'"HTTP/1\.1 20[14] ', arguments)
            and "upload-offset: " in arguments
        ):
            self._answer()

    def _answer(self) -> None:
        self.answers += 1
        if self.unsynced:
            raise Violation(f"answered before these were synced: {self.unsynced}")
        if self.new_names:
            raise Violation(f"answered before the folder of these was synced: {self.new_names}")
        if not (self.log_written and self.log_synced):
            raise Violation("answered before the catalog's log was written and synced")


def calls(trace: Path) -> Iterator[tuple[str, str, int]]:
    """The calls of a trace in the order in which they count.

    A write counts from its beginning, for the other end may read it at once; all else counts when it ended.
    """
    pending: dict[str, str] = {}
    for line in trace.read_text(errors="replace").splitlines():
        process = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun = line.removesuffix("<unfinished ...>").rstrip()
            if _IS_WRITE.match(begun):
                line = begun + ") = 0"
            else:
                pending[process] = begun
                continue
        elif resumed := re.search(r"<\.\.\. \w+ resumed>", line):
            if process not in pending:
                continue  # a write, seen when it began
            line = pending.pop(process) + line[resumed.end() :]
        match = _LINE.match(line)
        if match:
            yield match["call"], match["arguments"], int(match["result"])


def traced(folder: Path, *, eat_syncs: bool) -> Path:
    """Serve under strace, upload in every way that is acknowledged, and give the trace."""
    trace = folder / "trace"
    strace = [program("strace"), "-f", "-y", "-s", "400", "-e", f"trace={_CALLS}", "-o", str(trace)]
    wrapper = [*strace, *([program("eatmydata")] if eat_syncs else [])]
    with KadeServer(folder / "data", environment=_PLAIN, wrapper=wrapper) as server:
        user = server.register_user("traced")
        header = {"X-Client-Cert": user.identity.base64_der}
        with RawConnection.open("127.0.0.1", server.exchange_port, timeout=60) as connection:
            small = raw_tus.create(connection, UPLOAD, 1000, body=b"x" * 1000, headers=header)
            assert raw_tus.offset_of(small) == 1000
            large = raw_tus.create(connection, UPLOAD, 3_000_000, body=b"y" * 500_000, headers=header)
            target = raw_tus.target_of(large)
            for offset, end in ((500_000, 500_001), (500_001, 2_000_000), (2_000_000, 3_000_000)):
                response = raw_tus.patch(connection, target, offset, b"y" * (end - offset), header)
                assert raw_tus.offset_of(response) == end
    return trace


def verify(trace: Path) -> Watcher:
    watcher = Watcher()
    for call, arguments, result in calls(trace):
        watcher.see(call, arguments, result)
    watcher.finish()
    return watcher


@pytest.mark.needs("strace")
def test_bytes_and_log_are_synced_before_every_answer(tmp_path: Path) -> None:
    watcher = verify(traced(tmp_path, eat_syncs=False))
    assert watcher.answers == 5


@pytest.mark.needs("strace", "eatmydata")
def test_without_syncs_the_same_test_fails(tmp_path: Path) -> None:
    trace = traced(tmp_path, eat_syncs=True)
    with pytest.raises(Violation):
        verify(trace)

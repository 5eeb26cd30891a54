"""Noticing that something changed in a folder tree, by what the system tells or, failing that, by looking."""

from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from kade.core.errors import KadeError, SourceReason
from kade.sources.folder_tree import FolderTree
from kade.sources.threads import Threads

_log = structlog.get_logger("kade.sources.watching")

_QUIET_MS = 500  # changes count as one until nothing happened for so long, …
_LONGEST_MS = 10_000  # … or something went on happening for so long
_POLL_MS = 60_000
_CHECKED_MS = 5_000  # how often it is seen whether the folder itself is still there
# Their changes are made by others, of whom the kernel does not know.
_TELL_NOTHING = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "glusterfs", "virtiofs", "vboxsf"}
)


async def watch(tree: FolderTree, threads: Threads, poll_ms: int | None) -> AsyncIterator[None]:
    """An item after each quiet moment that followed a change.

    It looks by itself when *poll_ms* says so, or the file system tells nothing; what it then remembers takes
    some hundred bytes for each file. It ends where changes cannot be told: on such a file system when
    *poll_ms* is 0, and when the system's watches are used up.

    Raises:
        KadeError: ``SourceReason.NOT_THERE`` once the folder is gone, or another one was mounted over it.
    """
    from watchfiles import awatch

    mark = await threads.run(tree.mark)
    polls = bool(poll_ms) or await threads.run(_tells_nothing, tree.real)
    if polls and poll_ms == 0:
        return
    beginning = len(tree.real.rstrip("/")) + 1
    changes = awatch(
        tree.real,
        watch_filter=lambda _change, path: not tree.leaves_out(path[beginning:]),
        debounce=_LONGEST_MS,
        step=_QUIET_MS,
        rust_timeout=_CHECKED_MS,
        yield_on_timeout=True,
        force_polling=polls,
        poll_delay_ms=poll_ms or _POLL_MS,
        ignore_permission_denied=True,
    )
    try:
        async for found in changes:
            if await threads.run(tree.mark) != mark:
                raise KadeError(SourceReason.NOT_THERE, "another folder is there by now")
            if found:
                yield None
    except (OSError, RuntimeError) as error:
        # Too many folders for the system's limit, most often; walks at intervals go on without.
        _log.warning("folder_not_watched", folder=tree.real, why=str(error))
    finally:
        await changes.aclose()


def _tells_nothing(folder: str) -> bool:
    """Whether the file system at *folder* is one that others change (proc(5), mountinfo)."""
    kind, longest = "", -1
    with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            fields, _, rest = line.partition(" - ")
            point = _unescaped(fields.split(" ")[4])
            inside = folder == point or folder.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= longest:  # of two at one point the later one is on top
                kind, longest = rest.split(" ")[0], len(point)
    return kind in _TELL_NOTHING or kind.startswith("fuse.")


def _unescaped(point: str) -> str:
    for escaped, char in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        point = point.replace(escaped, char)
    return point

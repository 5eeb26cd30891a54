"""Reading files in tests with the real extractor, and looking at its child from outside."""

import asyncio
import io
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from kade.core.extraction import Extracted, RemarkKind
from kade.search.extract.extractor import ChildExtractor
from kade.search.extract.limits import Limits

FILES = Path(__file__).parents[1] / "search" / "extract" / "files"


class Reader:
    """An extractor, and files for it below *folder*."""

    def __init__(self, folder: Path, limits: Limits | None = None, children: int = 1) -> None:
        self.folder = folder
        self.extractor = ChildExtractor(limits, children, folder)

    async def read(self, content: bytes, name: str = "file") -> Extracted:
        """What is in a file of that *content* and *name*."""
        path = self.folder / "content"
        path.write_bytes(content)
        return await self.extractor.extract(path, name)

    async def attachments(self, content: bytes, name: str, wanted: Iterable[str]) -> dict[str, bytes]:
        """The bytes of *wanted* attachments."""
        path, into = self.folder / "content", self.folder / f"into-{time.monotonic_ns()}"
        path.write_bytes(content)
        into.mkdir()
        found = await self.extractor.attachments(path, name, list(wanted), into)
        assert all(file.parent == into for file in found.values())
        return {name: file.read_bytes() for name, file in found.items()}

    async def works(self) -> bool:
        """Whether the next file is read as ever."""
        return (await self.read(b"een gewoon bestand")).text == "een gewoon bestand"

    async def close(self) -> None:
        await self.extractor.close()


def children() -> list[psutil.Process]:
    """The child processes of extractors that run now."""
    found = psutil.Process().children()
    return [child for child in found if "kade.search.extract.child" in child.cmdline()]


async def busy_child() -> psutil.Process:
    """The child, once it has begun to work at something."""
    async with asyncio.timeout(20):
        while True:
            for child in children():
                if child.status() == psutil.STATUS_RUNNING and child.cpu_times().user > 0.6:
                    return child
            await asyncio.sleep(0.02)


def peak_memory() -> int:
    """The most bytes that the one child held until now."""
    (child,) = children()
    lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def kinds(found: Extracted) -> set[RemarkKind]:
    return {remark.kind for remark in found.remarks}


def zipped(
    entries: Mapping[str, bytes | str] | Iterable[tuple[str, bytes]], packing: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A ZIP file of *entries*."""
    target = io.BytesIO()
    pairs = entries.items() if isinstance(entries, Mapping) else entries
    with zipfile.ZipFile(target, "w", packing) as archive:
        for name, content in pairs:
            archive.writestr(zipfile.ZipInfo(name, (2024, 3, 5, 9, 30, 0)), content, packing)
    return target.getvalue()


def repacked(content: bytes, changed: Mapping[str, bytes]) -> bytes:
    """A ZIP file with some entries of another content, or added."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return zipped({name: archive.read(name) for name in archive.namelist()} | dict(changed))

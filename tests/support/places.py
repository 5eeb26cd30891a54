"""Places in memory: a tree of things that tests change, break and hold up, read as a folder would be."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

from kade.core.clock import Millis
from kade.core.errors import KadeError, SourceReason
from kade.core.sources import Seen, Service, Unreadable

Hook = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Thing:
    """Something with bytes; *identity* stays when it is renamed."""

    data: bytes
    identity: str
    modified_at: Millis

    @property
    def signature(self) -> str:
        return f"{self.modified_at}:{hashlib.sha256(self.data).hexdigest()[:16]}"


async def _pass(_key: str) -> None:
    pass


@dataclass
class MemoryPlaces:
    """Implements ``core.ports.Places``; *things* by their path in the service.

    *unreadable* are paths below which nothing can be looked at; *refusal* is raised when a place is opened,
    *break_after* so many things a walk breaks off. *walking* and *reading* are called at each thing, with its
    key. *twice*: each thing is seen twice in one walk. *lengths*: whether a length is known before reading.
    """

    things: dict[str, Thing] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    refusal: Exception | None = None
    break_after: int | None = None
    walking: Hook = _pass
    reading: Hook = _pass
    twice: bool = False
    lengths: bool = True
    bell: "asyncio.Queue[Exception | None] | None" = None
    opened: int = 0
    closed: int = 0
    reads: list[str] = field(default_factory=list)
    readers: int = 0
    clock: int = 1_000
    services: list[Service] = field(default_factory=list)
    pieces: Callable[[], AsyncIterator[bytes]] | None = None  # read in the place of every thing's own

    def put(self, path: str, data: bytes = b"data", identity: str = "") -> None:
        """Something (else) stands at *path* from now on."""
        self.clock += 1
        former = self.things.get(path)
        kept = identity or (former.identity if former is not None else f"node {self.clock}")
        self.things[path] = Thing(data, kept, Millis(self.clock))

    def move(self, path: str, to: str) -> None:
        self.things[to] = self.things.pop(path)

    def anonymous(self, path: str) -> None:
        """It cannot be told what is the same thing under another name."""
        self.things[path] = replace(self.things[path], identity="")

    async def open(self, service: Service, path: str) -> "MemoryPlace":
        self.services.append(service)
        if self.refusal is not None:
            raise self.refusal
        self.opened += 1
        return MemoryPlace(self, path)


class MemoryPlace:
    """Implements ``core.ports.Place``: what stands below one path."""

    def __init__(self, places: MemoryPlaces, path: str) -> None:
        self._places = places
        self._prefix = f"{path}/" if path else ""

    async def walk(self) -> AsyncIterator[Seen | Unreadable]:
        places, count = self._places, 0
        for path in sorted(places.unreadable):
            if path.startswith(self._prefix):
                yield Unreadable(path.removeprefix(self._prefix), "denied")
            elif self._prefix.startswith(f"{path}/"):
                yield Unreadable("", "denied")
        for path in sorted(places.things):
            if not path.startswith(self._prefix) or any(
                path == each or path.startswith(f"{each}/") for each in places.unreadable
            ):
                continue
            await places.walking(path)
            if count == places.break_after:
                raise KadeError(SourceReason.UNREACHABLE)
            count += 1
            seen = await self.look(path.removeprefix(self._prefix))
            for _ in range(2 if places.twice else 1):
                if seen is not None:
                    yield seen

    async def look(self, key: str) -> Seen | None:
        thing = self._places.things.get(self._prefix + key)
        if thing is None:
            return None
        *folder, name = key.split("/")
        length = len(thing.data) if self._places.lengths else None
        return Seen(key, tuple(folder), name, thing.signature, thing.identity, length, thing.modified_at)

    def read(self, seen: Seen) -> AsyncIterator[bytes]:
        return self._places.pieces() if self._places.pieces is not None else self._read(seen)

    async def _read(self, seen: Seen) -> AsyncIterator[bytes]:
        places = self._places
        places.reads.append(seen.key)
        places.readers += 1
        try:
            data = places.things[self._prefix + seen.key].data
            for at in range(0, len(data), 1000):
                await places.reading(seen.key)
                now = places.things.get(self._prefix + seen.key)
                if now is None or now.signature != seen.signature:
                    raise KadeError(SourceReason.CHANGED, seen.key)
                yield data[at : at + 1000]
        finally:
            places.readers -= 1

    async def changes(self) -> AsyncIterator[None]:
        bell = self._places.bell
        while bell is not None:
            rung = await bell.get()
            if rung is not None:
                raise rung
            yield None

    async def close(self) -> None:
        self._places.closed += 1

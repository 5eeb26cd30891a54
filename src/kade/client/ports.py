"""The seams of a transfer: where bytes land, where they come from, and what outlives a run.

`kade get` and `put` implement them with files (`part_file`, `local_file`, `upload_states`); a daemon does
with its own store. Implementations raise what they like for troubles of their own, such as OSError; it ends
the transfer and reaches the caller as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

import msgspec


class Representation(msgspec.Struct, frozen=True):
    """Which representation some bytes are of: where from, its validator, its size.

    `etag` is a strong ETag with its quotes. `modified` is a Last-Modified that is strong enough for If-Range
    (RFC 9110, 8.8.2.2), as the server wrote it; None when there is an ETag. Without either, the bytes are
    begun anew after a cut. `size` is in bytes, None when the server did not tell.
    """

    url: str
    etag: str | None
    size: int | None
    modified: str | None = None

    @property
    def validator(self) -> str | None:
        """What If-Range may say, or None."""
        return self.etag or self.modified


NOTHING = Representation("", None, None)


class Offered(NamedTuple):
    """What a 200 answer said of the file."""

    name: str
    """Safe file name of Content-Disposition, else of the URL, "" when neither gives one."""

    media_type: str | None


class Landing(Protocol):
    """Where a download lands: keeps the bytes so far and which representation they are of."""

    @property
    def offset(self) -> int:
        """Bytes that are kept; after an exception in `receive`, what was really kept."""
        ...

    @property
    def state(self) -> Representation:
        """What the kept bytes are of, also after a crash."""
        ...

    async def restart(self, state: Representation, offered: Offered) -> None:
        """Drop all bytes and begin with those of this representation."""
        ...

    async def receive(self, pieces: AsyncIterator[bytes]) -> None:
        """Append all pieces; what came before an exception of `pieces` is kept, and the exception goes on."""
        ...

    async def digest(self, algorithm: str) -> str:
        """Of all kept bytes, lower-case hex; md5, sha1, sha256, sha384 or sha512."""
        ...

    async def discard(self) -> None:
        """The bytes were wrong: forget them and what they were of."""
        ...


class Outgoing(Protocol):
    """What an upload sends."""

    @property
    def name(self) -> str: ...

    @property
    def media_type(self) -> str | None: ...

    @property
    def size(self) -> int: ...

    def pieces(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, which is not among them; none is empty."""
        ...

    async def unchanged(self) -> bool:
        """Whether the bytes are still those of the beginning."""
        ...

    async def sha256(self) -> str:
        """Of all bytes, lower-case hex."""
        ...


class UploadMemory(Protocol):
    """Remembers the URL of an unfinished tus upload, durably, from its creation on."""

    async def find(self) -> str | None: ...

    async def keep(self, url: str) -> None: ...

    async def forget(self) -> None: ...

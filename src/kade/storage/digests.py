"""Digests over bytes in order."""

import hashlib
import zlib
from collections.abc import Iterable
from typing import Protocol


class _Hash(Protocol):
    def update(self, data: memoryview | bytes, /) -> None: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> "_Hash": ...


class _Crc32:
    """CRC-32 (ISO 3309) with the interface of hashlib; big-endian hex."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview | bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def copy(self) -> "_Crc32":
        twin = _Crc32()
        twin._value = self._value
        return twin

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


ALGORITHMS = ("sha1", "md5", "crc32", "sha256", "sha512")


class RunningDigests:
    """Implements ``core.ports.Digester``: several algorithms over the same bytes.

    *length* counts the bytes that went in. Updates of 2 KiB and more let other threads run meanwhile.
    """

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._hashes = {name: _new(name) for name in sorted(set(algorithms))}
        self.length = 0

    def update(self, data: memoryview | bytes) -> None:
        for running in self._hashes.values():
            running.update(data)
        self.length += len(data)

    def copy(self) -> "RunningDigests":
        twin = RunningDigests(())
        twin._hashes = {name: running.copy() for name, running in self._hashes.items()}
        twin.length = self.length
        return twin

    def hexdigest(self, algorithm: str) -> str | None:
        running = self._hashes.get(algorithm)
        return running.hexdigest() if running else None


def _new(algorithm: str) -> _Hash:
    if algorithm == "crc32":
        return _Crc32()
    return hashlib.new(algorithm, usedforsecurity=algorithm not in ("md5", "sha1"))

"""Bytes that come in pieces, as a file that is read from start to end."""

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from kade.search.extract.gathering import Gathering


class _Unpacking(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes], gathering: Gathering) -> None:
        self._pieces = pieces
        self._gathering = gathering

    def read(self, size: int = -1) -> bytes:
        """The next piece, whatever *size*; empty at the end."""
        piece = next(self._pieces, b"")
        self._gathering.expand(len(piece))
        return piece


def unpacking(pieces: Iterator[bytes], gathering: Gathering) -> BinaryIO:
    """*pieces* as a file; each counts as unpacked when it is read."""
    return cast(BinaryIO, _Unpacking(pieces, gathering))

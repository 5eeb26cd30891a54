"""How a transfer tells what it is doing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called on the event loop during a transfer; must not block and must not raise."""

    def at(self, done: int, total: int | None) -> None:
        """So many bytes of so many (None: not known) are through. May go back after a cut."""

    def waiting(self, reason: str, seconds: float) -> None:
        """Something failed; it is tried again after this pause."""

    def verifying(self) -> None:
        """All bytes are through and their digest is being compared."""


class Silent:
    """A Progress that tells nobody."""

    def at(self, done: int, total: int | None) -> None: ...

    def waiting(self, reason: str, seconds: float) -> None: ...

    def verifying(self) -> None: ...

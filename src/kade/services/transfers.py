"""Transfers that are running in this process, by whose right they run.

When a credential is revoked or a principal removed, those of theirs end; everybody else's go on.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from kade.core.principals import Caller


class Transfers:
    """Each running transfer with the event that asks it to end."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Event, Caller] = {}

    @contextmanager
    def running(self, caller: Caller, stop: asyncio.Event) -> Iterator[asyncio.Event]:
        """While the caller's transfer runs: *stop* is set when it must end."""
        self._running[stop] = caller
        try:
            yield stop
        finally:
            del self._running[stop]

    def stop_of(self, subject: str) -> None:
        """End what runs by this credential, or for this principal."""
        for stop, caller in self._running.items():
            if subject in (caller.credential_id, caller.principal_id):
                stop.set()

    def stop_all(self) -> None:
        """End everything: uploads store what they have."""
        for stop in self._running:
            stop.set()

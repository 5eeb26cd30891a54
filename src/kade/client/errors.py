"""The one error of this package."""

from __future__ import annotations


class TransferError(Exception):
    """A transfer did not succeed; the message is a sentence for people.

    `status` is the HTTP status that ended it, or None when there was none: no connection, bad bytes, a
    file that cannot be read. What was transferred so far is kept, so that a later run goes on from there,
    unless the message says that it was dropped.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class Interrupted(Exception):
    """Within this package: try again after a pause. `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None, status: int | None = None) -> None:
        super().__init__(reason)
        self.wait = wait
        self.status = status

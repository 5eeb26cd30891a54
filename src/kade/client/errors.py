"""The one error of this package."""

from __future__ import annotations

# Of the refusals (4xx), those that may pass without anybody changing the request: an unknown certificate may
# become known (401), a file may come (404), others are about the moment.
_MENDABLE = frozenset({401, 404, 407, 408, 409, 412, 421, 423, 425, 429})


class TransferError(Exception):
    """A transfer did not succeed; the message is a sentence for people.

    `status` is the HTTP status that ended it, or None when there was none: no connection, bad bytes, a
    file that cannot be read. `permanent` says that no later try can mend it. `retry_after` is how many
    seconds the server asked to be left alone, or None. What was transferred so far is kept, so that a later
    run goes on from there, unless the message says that it was dropped.
    """

    def __init__(
        self,
        sentence: str,
        status: int | None = None,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.permanent = permanent
        self.retry_after = retry_after


class Interrupted(Exception):
    """Within this package: try again after a pause. `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None, status: int | None = None) -> None:
        super().__init__(reason)
        self.wait = wait
        self.status = status


def hopeless(status: int) -> bool:
    """Whether the same request will never be answered otherwise: redirects not followed, and most of 4xx."""
    return 300 <= status < 500 and status not in _MENDABLE

"""Which application answers what: a mount is (dialect instance, listener, prefix)."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Mount:
    """Everything at and below *prefix* on *listener*; *instance* says whose it is.

    A prefix is ``/`` or begins with a slash and ends without one; upper and lower case differ.
    """

    instance: str
    listener: str
    prefix: str
    app: ASGIApp


class OverlapError(Exception):
    """Two mounts would answer the same path."""


class MountRouter:
    """Gives each request to the mount of its path; what no mount has is 404 here."""

    def __init__(self, listener: str, mounts: Sequence[Mount]) -> None:
        self._mounts = {mount.prefix.rstrip("/"): mount for mount in mounts if mount.listener == listener}
        check_overlaps(mounts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        mount = self._find(scope["path"])
        app: ASGIApp = mount.app if mount else PlainTextResponse("Not Found", 404)
        await app(scope, receive, send)

    def _find(self, path: str) -> Mount | None:
        prefix = path
        while prefix:
            if prefix in self._mounts:
                return self._mounts[prefix]
            prefix = prefix.rpartition("/")[0]
        return self._mounts.get("")


def check_overlaps(mounts: Sequence[Mount]) -> None:
    """Raises OverlapError when one mount's prefix is that of another, or lies below it (``/`` excepted)."""
    for number, one in enumerate(mounts):
        for two in mounts[number + 1 :]:
            if one.listener != two.listener or not _overlap(one.prefix, two.prefix):
                continue
            raise OverlapError(
                f"{one.instance} at {one.prefix} and {two.instance} at {two.prefix}"
                f" overlap on listener {one.listener}"
            )


def _overlap(one: str, two: str) -> bool:
    if one == two:
        return True
    shorter, longer = sorted((one, two), key=len)
    return shorter != "/" and longer.startswith(f"{shorter}/")

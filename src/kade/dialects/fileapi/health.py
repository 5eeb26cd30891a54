"""The health check: what the API needs is really tried, at most every ten seconds (spec 1(b), last row)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kade.core.clock import now, to_iso
from kade.core.contents import Extent
from kade.core.ids import new_id
from kade.services.pieces import HeldPiece
from kade.web.dialect import Kit

_FRESH_S = 10.0
_PATIENCE_S = 5.0
_MOST_BEHIND = 10_000  # entries of the journal that rules may still have to follow
_UP, _DOWN = "Operational", "Major Outage"
_PARTLY = "Partial Outage"

# What each function of the API needs, by the names of the checks below.
_NEEDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "publisher": {
        "list": ("catalog",),
        "uploadMultipart": ("catalog", "store"),
        "uploadResumable": ("catalog", "store"),
        "download": ("catalog", "store"),
    },
    "subscriber": {
        "delivery": ("catalog", "rules"),
        "list": ("catalog",),
        "download": ("catalog", "store"),
        "downloadByChunks": ("catalog", "store"),
        "delete": ("catalog",),
    },
}
_ESSENTIAL = frozenset({"uploadMultipart", "delivery", "list", "download"})


class Health:
    """Remembers what it found, so that asking often costs nothing."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._checks: Mapping[str, Callable[[], Awaitable[None]]] = {
            "catalog": self._try_catalog,
            "store": self._try_store,
            "rules": self._try_rules,
        }
        self._found: dict[str, object] = {}
        self._until = 0.0
        self._trying = asyncio.Lock()

    def route(self, path: str) -> Route:
        """Where it is told, to anybody."""
        return Route(f"{path}/healthcheck", self._tell)

    async def _tell(self, _request: Request) -> Response:
        async with self._trying:
            if time.monotonic() >= self._until:
                self._found = await self._try_all()
                self._until = time.monotonic() + _FRESH_S
        return Response(msgspec.json.encode(self._found), media_type="application/json")

    async def _try_all(self) -> dict[str, object]:
        well = {name: await _succeeds(check) for name, check in self._checks.items()}
        at = to_iso(now())
        functions = {
            role: {name: all(well[need] for need in needs) for name, needs in of_role.items()}
            for role, of_role in _NEEDS.items()
        }
        failed = {name for of_role in functions.values() for name, works in of_role.items() if not works}
        status = _DOWN if failed & _ESSENTIAL else _PARTLY if failed else _UP
        told: dict[str, object] = {"status": status}
        for role, of_role in functions.items():
            told[role] = {
                name: {"status": _UP if works else _DOWN, "checkedAt": at} for name, works in of_role.items()
            }
        return told

    async def _try_catalog(self) -> None:
        await self._kit.catalog.read(lambda tx: tx.journal.last_position())

    async def _try_store(self) -> None:
        """Bytes go in, are durable, come out, and go."""
        store, segment_id = self._kit.store, new_id()
        sink = await store.create(segment_id)
        try:
            await sink.write(HeldPiece(b"well"))
            length = await sink.sync()
            came = b"".join([data async for data in store.read([Extent(segment_id, 0, length)])])
        finally:
            await sink.close()
            await store.delete(segment_id)
        if came != b"well":
            raise OSError("the store gives other bytes than it was given")

    async def _try_rules(self) -> None:
        if await self._kit.behind() > _MOST_BEHIND:
            raise OSError("rules have fallen behind")


async def _succeeds(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await check()
    except Exception:
        return False
    return True

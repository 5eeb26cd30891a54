"""What the operations of this API share: the catalog, the shapes, and how an answer is given."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from kade.auth import password
from kade.auth.sealing import Sealer
from kade.core.ports import Catalog
from kade.dialects.filerequests import paging
from kade.dialects.filerequests.wire import Wire
from kade.services import links


@dataclass(frozen=True, slots=True)
class Answers:
    """*created_status* is that of what was made."""

    catalog: Catalog
    wire: Wire
    sealer: Sealer
    created_status: int

    @property
    def secret(self) -> bytes:
        """What the links of requests are made with."""
        return self.sealer.derive(links.PURPOSE)

    def ok(self, body: dict[str, Any]) -> Response:
        """What was asked for."""
        return _json(body, 200)

    def created(self, body: dict[str, Any], path: str) -> Response:
        """What was made, and where it is."""
        return _json(body, self.created_status, {"Location": self.wire.base + path})

    def page(self, path: str, page: int, found: Sequence[dict[str, Any]]) -> Response:
        """A page of the list at *path*."""
        return _json(paging.listed(self.wire.base + path, page, found), 200)

    async def hashed(self, plain: str | None) -> str | None:
        """What is kept of a password."""
        return None if plain is None else await asyncio.to_thread(password.hashed, plain)


def _json(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False).encode()
    told = {"Cache-Control": "no-store", **(headers or {})}
    return Response(content, status, told, "application/json")

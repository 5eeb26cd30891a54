"""The files of a server by its service API: `/service/rest/v1/files` (file-service.md 1.1)."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from kade.client.answers import refuse
from kade.client.errors import TransferError
from kade.client.peer import RemotePeer
from kade.client.progress import Silent
from kade.client.retry import persist

_SERVICE = "/service/rest/v1"
_AT_ONCE = 8


async def file_paths(peer: RemotePeer, url: str) -> list[str]:
    """The paths of all files, in the server's order. `url` is the server's, with or without the API's path.

    Raises TransferError.
    """
    status, body = await _get(peer, f"{_base(url)}/files")
    if status != 200:
        raise TransferError(f"{url}: the server answered {status}", status)
    try:
        return msgspec.json.decode(body, type=list[str])
    except msgspec.DecodeError:
        raise TransferError(f"{url}: the answer is no list of files; is this a file server?") from None


async def file_infos(peer: RemotePeer, url: str, paths: list[str]) -> list[dict[str, Any]]:
    """What the server says of each file, with its `path` always; no more than that of unfinished uploads.

    Raises TransferError.
    """
    permits = asyncio.Semaphore(_AT_ONCE)

    async def info(path: str) -> dict[str, Any]:
        async with permits:
            status, body = await _get(peer, f"{_base(url)}/files/{quote(path, safe='')}/info", forgiving=True)
        try:
            found = msgspec.json.decode(body, type=dict[str, Any]) if status == 200 else {}
        except msgspec.DecodeError:
            found = {}
        return {"path": path, **found}

    return list(await asyncio.gather(*(info(path) for path in paths)))


async def _get(peer: RemotePeer, url: str, *, forgiving: bool = False) -> tuple[int, bytes]:
    """Status and body. `forgiving` lets 404 and 500 pass, upstream's answers for unfinished files."""
    result: tuple[int, bytes] = (0, b"")

    async def ask() -> None:
        nonlocal result
        async with peer.request("GET", url, {"Accept": "application/json"}, redirects=True) as answer:
            passes = (200, 404, 500) if forgiving else (200,)
            if answer.status not in passes:
                raise refuse(answer, url)
            result = (answer.status, await answer.read())

    await persist(peer.retry, Silent(), lambda: 0, ask)
    return result


def _base(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix("/files")
    if not path.endswith(_SERVICE):
        path += _SERVICE
    return parts._replace(path=path, query="", fragment="").geturl()

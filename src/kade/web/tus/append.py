"""PATCH: bytes at an offset (Core Protocol; extensions Checksum and Creation Defer Length)."""

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import KadeError, RequestReason
from kade.core.principals import Caller
from kade.web.receive import body_of
from kade.web.tus import headers as tus
from kade.web.tus.endpoint import TusParts, key_in, progress


class Append:
    operation = "upload.append"
    reads = ""

    def __init__(self, parts: TusParts) -> None:
        self._parts = parts

    async def handle(self, request: Request, caller: Caller) -> Response:
        """204 with the new offset, once every byte below it is durable."""
        if not tus.is_body_type(request.headers):
            raise KadeError(RequestReason.UNSUPPORTED_MEDIA_TYPE)
        door, key = self._parts.door, key_in(request, self._parts.door)
        offset = tus.upload_offset(request.headers)
        length = tus.upload_length(request.headers)
        checksum = tus.upload_checksum(request.headers)
        found = await self._parts.appending.tools.catalog.glance(door.upload_of, caller, key)
        async with body_of(request.scope, request.receive) as source:
            upload = await self._parts.appending.append(
                caller, found.id, offset, source, length=length, checksum=checksum
            )
        return Response(status_code=204, headers=progress(upload))

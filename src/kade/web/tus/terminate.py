"""DELETE: an upload is given up, with its bytes (extension Termination)."""

from starlette.requests import Request
from starlette.responses import Response

from kade.web.tus.endpoint import TusParts, key_in, wrong_version


class Terminate:
    operation = "upload.terminate"
    reads = ""

    def __init__(self, parts: TusParts) -> None:
        self._parts = parts

    async def handle(self, request: Request) -> Response:
        """204; a request that is writing ends first, later ones find nothing."""
        caller = await self._parts.door.caller(request)
        refusal = wrong_version(request)
        if refusal is not None:
            return refusal
        key = key_in(request, self._parts.door)
        await self._parts.appending.end(caller, lambda tx: self._parts.door.upload_of(tx, caller, key))
        return Response(status_code=204)

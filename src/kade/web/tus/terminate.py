"""DELETE: an upload is given up, with its bytes (extension Termination)."""

from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.web.tus.endpoint import TusParts, key_in


class Terminate:
    operation = "upload.terminate"
    reads = ""

    def __init__(self, parts: TusParts) -> None:
        self._parts = parts

    async def handle(self, request: Request, caller: Caller) -> Response:
        """204; a request that is writing ends first, later ones find nothing."""
        key = key_in(request, self._parts.door)
        await self._parts.appending.end(caller, lambda tx: self._parts.door.upload_of(tx, caller, key))
        return Response(status_code=204)

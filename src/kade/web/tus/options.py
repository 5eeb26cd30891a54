"""OPTIONS: what this server can do; and the browser's question before a request of another origin."""

from starlette.requests import Request
from starlette.responses import Response

from kade.web.tus import headers as tus
from kade.web.tus.endpoint import TusParts


class Options:
    operation = "upload.options"
    reads = "upload.options_told"

    def __init__(self, parts: TusParts) -> None:
        self._parts = parts

    async def handle(self, request: Request) -> Response:
        """204 with the versions, extensions and limits (Core Protocol, OPTIONS)."""
        if "Access-Control-Request-Method" in request.headers:
            return Response(status_code=204, headers=_preflight())
        await self._parts.door.caller(request)
        told = {
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Checksum-Algorithm": ",".join(tus.CHECKSUMS),
        }
        if self._parts.rules.max_size:
            told["Tus-Max-Size"] = str(self._parts.rules.max_size)
        return Response(status_code=204, headers=told)


def _preflight() -> dict[str, str]:
    return {
        "Access-Control-Allow-Methods": "POST, HEAD, PATCH, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": tus.CORS_ALLOWED,
        "Access-Control-Max-Age": "86400",
    }

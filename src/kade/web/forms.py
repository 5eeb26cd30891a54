"""Forms without files, in either encoding of HTML (WHATWG HTML, 4.10.21), with every repeated field."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from kade.core.errors import KadeError, RequestReason
from kade.web.parts import MultipartReader, PartData, PartEnd, PartHead, PartLimits
from kade.web.receive import body_of, read_all

URL_ENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_FIELDS = 20_000
_PATIENCE_S = 30.0


async def form_pairs(request: Request, limit: int) -> list[tuple[str, str]]:
    """The fields of the body in their order, up to *limit* bytes; none when the body is no form.

    Raises:
        KadeError: ``RequestReason.MALFORMED``, ``BODY_TOO_LARGE``, ``LINE_CUT`` or ``TOO_SLOW``.
    """
    media_type = request.headers.get("content-type", "")
    essence = media_type.partition(";")[0].strip().lower()
    try:
        if essence == MULTIPART:
            return await _parts(request, media_type, limit)
        if essence == URL_ENCODED:
            body = await read_all(request.scope, request.receive, limit)
            return parse_qsl(
                body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS
            )
    except ValueError as error:  # text that is no UTF-8, or too many fields
        raise KadeError(RequestReason.MALFORMED) from error
    return []


async def _parts(request: Request, media_type: str, limit: int) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    name, value, size = "", bytearray(), 0
    async with body_of(request.scope, request.receive) as body:
        reader = MultipartReader(body, media_type, PartLimits(parts=_FIELDS))
        while not reader.ended:
            for event in await reader.read(_PATIENCE_S):
                if isinstance(event, PartHead):
                    name, value = event.name, bytearray()
                elif isinstance(event, PartData):
                    value += event.data
                    size += len(event.data)
                elif isinstance(event, PartEnd):
                    pairs.append((name, value.decode()))
            if size > limit:
                raise KadeError(RequestReason.BODY_TOO_LARGE)
    return pairs

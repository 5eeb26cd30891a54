"""Publishing: a file in one request, or in chunks whose order is free (spec 1(b), "Publisher role")."""

import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kade.core import names
from kade.core.errors import AccessReason, FileReason, KadeError, RequestReason, UploadReason
from kade.core.files import File
from kade.core.grants import Verb
from kade.core.ids import Id, dashed
from kade.core.ports import Piece, Source, Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload
from kade.dialects.fileapi import wire
from kade.dialects.fileapi.door import tenant_of
from kade.dialects.fileapi.lists import types_of
from kade.dialects.fileapi.parameters import Parameters
from kade.dialects.fileapi.settings import Settings
from kade.services import business_types, joining, publications, uploads
from kade.services.uploads import Arrived, Rules, Wish
from kade.web.dialect import Kit
from kade.web.receive import body_of
from kade.web.related import RelatedBody

_ENCODER = msgspec.json.Encoder()
_NAME = re.compile(r"[^\W_]|[-_.(),$+`=' ;]")
_NUMBER = re.compile(r"[0-9]{1,9}")


class Publishing:
    """``POST`` and ``PUT`` of ``/files``."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings
        self._whole = Rules(_least(kit.rules.max_size, settings.multipart_limit), kit.rules.expire_after)
        self._chunked = Rules(kit.rules.max_size, round(settings.upload_expires * 1000))

    async def post(self, request: Request, caller: Caller) -> Response:
        """A whole file; the first chunk of one; or word that all chunks were sent."""
        parameters = Parameters(request)
        if parameters.upload_type == "multipart":
            return await self._publish(request, caller)
        if parameters.upload_token is None:
            return await self._begin(request, caller)
        return await self._close(request, caller, parameters.upload_token)

    async def put(self, request: Request, caller: Caller) -> Response:
        """A chunk at its position, once more if need be; with ``close=true`` the last one to be sent."""
        parameters = Parameters(request)
        if parameters.upload_type != "resumable":
            raise KadeError(RequestReason.BAD_VALUE, "uploadType")
        token, position, close = parameters.upload_token, parameters.position, parameters.close
        if token is None:
            raise KadeError(RequestReason.MISSING_VALUE, "uploadToken")
        assembly = await self._kit.catalog.glance(uploads.find, caller, token)
        try:
            async with body_of(request.scope, request.receive) as body:
                await self._add(caller, assembly, position, body)
        except KadeError as error:
            if not (close and error.reason is UploadReason.FINISHED):
                raise  # else the last chunk is said again, since the answer to it may have been lost
        if close:
            return await self._close(request, caller, token)
        return Response(status_code=206)

    async def _publish(self, request: Request, caller: Caller) -> Response:
        kit = self._kit
        async with body_of(request.scope, request.receive) as body:
            related = RelatedBody(body, request.headers.get("content-type", ""))
            name, number = _description(await related.begin())
            limited = _Limited(related, self._whole.max_size)

            def begin(tx: Tx) -> Upload:
                space_id = _space(tx, caller, number)
                return uploads.begin(tx, caller, kit.namers, self._whole, space_id, Wish(name, None))

            upload = await kit.appending.deposit_whole(caller, begin, limited, _nothing_to_check)
        return await self._created(request, upload.file_id, 1)

    async def _begin(self, request: Request, caller: Caller) -> Response:
        """The description opens the upload; the bytes beside it are its chunk 0."""
        kit = self._kit
        async with body_of(request.scope, request.receive) as body:
            related = RelatedBody(body, request.headers.get("content-type", ""))
            name, number = _description(await related.begin())

            def begin(tx: Tx) -> Upload:
                space_id = _space(tx, caller, number)
                return joining.begin_assembly(
                    tx, caller, kit.namers, self._chunked, space_id, Wish(name, None)
                )

            assembly = await kit.catalog.write(begin)
            try:
                await self._add(caller, assembly, 0, related)
            except BaseException:
                await kit.catalog.write(uploads.give_up, assembly.id)
                raise
        return Response(
            _ENCODER.encode(wire.Started(assembly.id)), status_code=206, media_type="application/json"
        )

    async def _add(self, caller: Caller, assembly: Upload, position: int, source: Source) -> None:
        """Receive a chunk; it has its place in the transaction that makes it durable."""
        kit, rules = self._kit, self._chunked

        def begin(tx: Tx) -> Upload:
            return joining.begin_part(tx, caller, kit.namers, rules, assembly)

        def placed(tx: Tx, part: Upload, _arrived: Arrived) -> None:
            joining.place(tx, caller, rules, assembly, position, part)

        await kit.appending.deposit_whole(caller, begin, _Limited(source, self._settings.chunk_limit), placed)

    async def _close(self, request: Request, caller: Caller, token: Id) -> Response:
        """All chunks were sent. Said again, since the answer may have been lost, it is answered again."""
        kit = self._kit

        def close(tx: Tx) -> tuple[Upload, int]:
            assembly = uploads.find(tx, caller, token)
            return assembly, joining.assemble(tx, caller, self._chunked, assembly)

        assembly, chunks = await kit.catalog.write(close)
        kit.appending.tools.digesting.begin_pending(assembly.content_id)
        return await self._created(request, assembly.file_id, chunks)

    async def _created(self, request: Request, file_id: Id, chunks: int) -> Response:
        """What is told of a file that was just published; who did so is not asked again."""

        def look(tx: Tx) -> tuple[File, wire.TypeOfFile]:
            file = tx.files.get(file_id)
            space = tx.spaces.get(file.space_id) if file is not None else None
            assert file is not None and space is not None and space.number is not None
            return file, types_of(tx, self._settings, {space.number: space.id})[space.id]

        file, kind = await self._kit.catalog.read(look)
        created = wire.Created(
            dashed(file.id),
            file.name,
            file.length or 0,
            wire.to_ticks(file.arrived_at or file.created_at),
            tenant_of(request),
            kind,
            chunks,
        )
        return Response(_ENCODER.encode(created), 201, media_type="application/json")


class _Limited:
    """A source of at most *limit* bytes (0: any number); implements ``core.ports.Source``."""

    def __init__(self, source: Source, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._seen = 0
        self._require(source.remaining or 0)

    async def read(self, patience: float) -> Piece | None:
        piece = await self._source.read(patience)
        if piece is not None:
            self._seen += len(piece.data)
            if 0 < self._limit < self._seen:
                piece.release()
                self._require(0)
        return piece

    @property
    def remaining(self) -> int | None:
        return self._source.remaining

    @property
    def trailers(self) -> dict[str, str]:
        return self._source.trailers

    def _require(self, more: int) -> None:
        if 0 < self._limit < self._seen + more:
            raise KadeError(UploadReason.MAX_SIZE, str(self._limit), max_size=self._limit)


def _description(data: bytes) -> tuple[str, int]:
    """The file's name and business type; their keys as documented, or as every client writes them.

    Raises:
        KadeError: ``RequestReason.MALFORMED``, ``MISSING_VALUE`` or ``BAD_VALUE``; ``FileReason.BAD_NAME``
            for characters that names may not have.
    """
    try:
        told = msgspec.json.decode(data)
        fields = {str(key).lower(): value for key, value in told.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError, RecursionError) as error:
        raise KadeError(RequestReason.MALFORMED, "description") from error
    name = _first(fields, "name", "filename")
    number = _first(fields, "businesstypeid", "businesstype")
    if not isinstance(name, str):
        raise KadeError(RequestReason.BAD_VALUE, "name")
    if isinstance(number, bool) or not _NUMBER.fullmatch(str(number)):
        raise KadeError(RequestReason.BAD_VALUE, "businessTypeId")
    text = names.clean(name, FileReason.BAD_NAME)
    if not all(_NAME.fullmatch(char) for char in text):
        raise KadeError(FileReason.BAD_NAME, ascii(text[:80]))
    return text, int(str(number))


def _first(fields: dict[str, object], *keys: str) -> object:
    for key in keys:
        if fields.get(key) not in (None, ""):
            return fields[key]
    raise KadeError(RequestReason.MISSING_VALUE, keys[0])


def _space(tx: Tx, caller: Caller, number: int) -> Id:
    """Where the caller publishes files of a type.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED``, the same for a type that is not there.
    """
    space_id = publications.spaces(tx, caller).get(number)
    if space_id is None:
        raise KadeError(AccessReason.VERB_NOT_GRANTED, f"businessType {number}")
    business_types.require_direction(business_types.find(tx, number), Verb.WRITE)
    return space_id


def _nothing_to_check(_tx: Tx, _upload: Upload, _arrived: Arrived) -> None:
    """Everything was checked when the upload began."""


def _least(*limits: int) -> int:
    return min((limit for limit in limits if limit), default=0)

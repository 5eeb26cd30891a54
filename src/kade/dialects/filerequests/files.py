"""``/files``: directories and the files in them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import KadeError, RequestReason, SpaceReason
from kade.core.files import File
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.spaces import Space
from kade.core.uploads import Upload
from kade.dialects.filerequests import ids, paging
from kade.dialects.filerequests.answers import Answers
from kade.dialects.filerequests.errors import FieldErrors
from kade.dialects.filerequests.fields import Fields
from kade.dialects.filerequests.ids import Prefix
from kade.dialects.filerequests.links import DownloadLinks
from kade.services import files, spaces, tenants, uploads
from kade.services.uploads import Arrived, Wish
from kade.web.dialect import Kit
from kade.web.multipart import FileForm, FormLimits
from kade.web.receive import body_of

JSON, FORM = "application/json", "multipart/form-data"
_PATH = "/files"
_UNKNOWN = FieldErrors({"directory": ["There is no such object."]})


class Files:
    """Operations on directories and files."""

    def __init__(self, kit: Kit, answers: Answers, links: DownloadLinks) -> None:
        self._kit = kit
        self._answers = answers
        self._links = links

    async def create(self, request: Request, caller: Caller) -> Response:
        """A file out of a form, or by JSON a directory."""
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared == FORM:
            made = await self._upload(request, caller)
            return self._answers.created(self._answers.wire.file(made), f"{_PATH}/{_file_id(made)}")
        space = await self._make(request, caller)
        told = self._answers.wire.directory(space)
        return self._answers.created(told, f"{_PATH}/{told['id']}")

    async def list(self, request: Request, caller: Caller) -> Response:
        """Fifteen of what is in a directory: directories by name, then files, oldest first."""
        page = paging.page_of(request)
        skip, most = paging.skip(page), paging.skip(page) + paging.PER_PAGE + 1

        def look(tx: Tx) -> list[dict[str, Any]]:
            space = _directory(tx, caller, request, Verb.LIST)
            below = [each for each in tx.spaces.of_tenant(space.tenant_id) if each.parent_id == space.id]
            wire = self._answers.wire
            there = [wire.directory(each) for each in below]
            found = tx.files.of_space(space.id, files.VISIBLE, limit=max(most - len(there), 1))
            return [*there, *map(wire.file, found)][skip:most]

        return self._answers.page(_PATH, page, await self._answers.catalog.read(look))

    async def get(self, request: Request, caller: Caller) -> Response:
        """A file or a directory."""

        def look(tx: Tx) -> dict[str, Any]:
            named = request.path_params["file"]
            directory = ids.read(Prefix.DIRECTORY, named)
            if directory is not None:
                return self._answers.wire.directory(spaces.find(tx, caller, directory))
            return self._answers.wire.file(_find(tx, caller, request, Verb.LIST))

        return self._answers.ok(await self._answers.catalog.read(look))

    async def delete(self, request: Request, caller: Caller) -> Response:
        """A file, or a directory with nothing in it, is removed."""

        def remove(tx: Tx) -> None:
            directory = ids.read(Prefix.DIRECTORY, request.path_params["file"])
            if directory is not None:
                spaces.remove(tx, caller, spaces.find(tx, caller, directory))
            else:
                files.remove(tx, caller, _find(tx, caller, request, Verb.REMOVE))

        await self._answers.catalog.write(remove)
        return Response(status_code=204)

    async def download(self, request: Request, caller: Caller) -> Response:
        """A link to the file's bytes that counts for some minutes."""
        file = await self._answers.catalog.read(_find, caller, request, Verb.READ)
        await self._answers.catalog.read(files.content_of, file)
        link, until = self._links.to(file, caller)
        return self._answers.ok({"link": link, "expiresAt": self._answers.wire.date(until)})

    async def _upload(self, request: Request, caller: Caller) -> File:
        kit = self._kit
        async with body_of(request.scope, request.receive) as body:
            form = FileForm(body, request.headers.get("content-type", ""), "file", FormLimits())
            part = await form.begin()

            def begin(tx: Tx) -> Upload:
                space = _directory(tx, caller, request, Verb.WRITE)
                wish = Wish(part.name or "unnamed", None, part.media_type)
                return uploads.begin(tx, caller, kit.namers, kit.rules, space.id, wish)

            upload = await kit.appending.deposit_whole(caller, begin, form, _nothing_to_check)
        found = await kit.catalog.read(lambda tx: tx.files.get(upload.file_id))
        assert found is not None
        return found

    async def _make(self, request: Request, caller: Caller) -> Space:
        if request.headers.get("content-type", JSON).partition(";")[0].strip().lower() != JSON:
            raise KadeError(RequestReason.UNSUPPORTED_MEDIA_TYPE)
        fields = await Fields.of(request)
        name = fields.text("name")
        fields.require_valid()
        kit = self._kit

        def make(tx: Tx) -> Space:
            parent = _directory(tx, caller, request, Verb.LIST)
            try:
                return spaces.create(tx, caller, kit.namers, parent.id, name, ceiling=kit.ceiling)
            except KadeError as error:
                if error.reason in (SpaceReason.BAD_NAME, SpaceReason.NAME_TAKEN):
                    raise FieldErrors({"name": ["This value is not allowed, or taken."]}) from error
                raise

        return await kit.catalog.write(make)


def _directory(tx: Tx, caller: Caller, request: Request, verb: Verb) -> Space:
    """The directory that the query names, or the root of all."""
    named = request.query_params.get("directory", "")
    if not named:
        return spaces.find(tx, caller, tenants.root_of(tx, caller.tenant_id).id, verb)
    found = ids.read(Prefix.DIRECTORY, named)
    try:
        return spaces.find(tx, caller, found or Id(""), verb)
    except KadeError as error:
        raise _UNKNOWN from error


def _find(tx: Tx, caller: Caller, request: Request, verb: Verb) -> File:
    return files.find(tx, caller, ids.read(Prefix.FILE, request.path_params["file"]), verb)


def _file_id(file: File) -> str:
    return ids.told(Prefix.FILE, file.id)


def _nothing_to_check(_tx: Tx, _upload: Upload, _arrived: Arrived) -> None:
    """What stands behind the file in the form says nothing of it."""

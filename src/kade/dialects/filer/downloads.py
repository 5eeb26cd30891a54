"""``GET /File/Download/`` and ``/File/Download/Attachments/`` (spec 2(a), 2(c) 20, 21)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kade.core.contents import Content, Extent
from kade.core.customers import FileGroup
from kade.core.errors import KadeError
from kade.core.events import Event
from kade.core.files import File
from kade.core.ids import new_token
from kade.core.ports import Tx
from kade.core.sources import ServiceKind
from kade.dialects.filer import answers, places, shapes
from kade.dialects.filer.answers import Part, WithBytes
from kade.dialects.filer.codes import FilerReason, Remark, refusal
from kade.dialects.filer.door import Door, Notes, Visit, required_group, target_in_group
from kade.dialects.filer.settings import Settings
from kade.services import files, sources
from kade.services.spooling import Whereabouts
from kade.web.dialect import Kit
from kade.web.streaming import read_whole

_PIECE = 192 << 10  # bytes, in whole groups of three


class Downloads:
    """Files and what is in them, as Base64."""

    def __init__(self, kit: Kit, door: Door, settings: Settings) -> None:
        self._kit = kit
        self._door = door
        self._most = int(settings.download_limit)

    async def download(self, visit: Visit) -> Response:
        """The file; its attachments, when the request names some: so the original's own examples ask."""
        if visit.parameters.has("AttachmentNames"):
            return await self.attachments(visit)

        def look(tx: Tx, _notes: Notes) -> tuple[File, Content, list[Extent]]:
            file, content = self._readable(tx, visit, FilerReason.NO_COPY)
            tx.journal.append(Event.by(visit.caller, "file.read", file.id))
            return file, content, tx.contents.extents(content.id)

        settled = await self._door.settle(visit, look)
        file, content, extents = settled.result
        mark = new_token(32)
        reply = {
            "File": {
                "LastModified": shapes.time(file.modified_at or file.arrived_at or file.created_at),
                "Dimension": shapes.exact(content.length),
                "Base64": mark,
            }
        }
        pieces = read_whole(self._kit.store, self._kit.transfers, visit.caller, content, extents)
        body = answers.envelope(settled.handshake, settled.notes, reply)
        return WithBytes(body, [Part(mark, content.length, pieces)])

    async def attachments(self, visit: Visit) -> Response:
        """Those of the attachments that are named and there, by their names."""
        wanted = visit.parameters.many("AttachmentNames")
        if not wanted:
            raise refusal(FilerReason.ATTACHMENTS_MISSING)

        def look(tx: Tx) -> tuple[File, Whereabouts]:
            file, content = self._readable(tx, visit, FilerReason.NOTHING_DOWNLOADABLE)
            return file, Whereabouts(content.inline, tx.contents.extents(content.id), None)

        file, where = await self._kit.catalog.read(look)
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(prefix="kade-"))
            path = await stack.enter_async_context(self._kit.spool.lent(where, self._most))
            written = await self._kit.extractor.attachments(path, file.name, wanted, Path(folder))
            found = [(name, written[name]) for name in wanted if name in written]
            lengths = {name: at.stat().st_size for name, at in found}
            if not found:
                raise refusal(FilerReason.NOTHING_FOUND)
            if sum(lengths.values()) > self._most:
                raise refusal(FilerReason.NO_COPY)

            def note(tx: Tx, notes: Notes) -> None:
                for name in wanted:
                    if name not in written:
                        notes.warn(Remark.NOT_ANYWHERE, name)
                tx.journal.append(Event.by(visit.caller, "file.read", file.id, attachments=len(found)))

            settled = await self._door.settle(visit, note)
            marks = {name: new_token(32) for name, _ in found}
            reply = {
                "Attachments": {
                    name: {"Dimension": shapes.exact(lengths[name]), "Base64": marks[name]}
                    for name, _ in found
                }
            }
            held = stack.pop_all()
        parts = [Part(marks[name], lengths[name], _read(at)) for name, at in found]
        body = answers.envelope(settled.handshake, settled.notes, reply)
        return _Held(body, parts, held)

    def _readable(self, tx: Tx, visit: Visit, without: FilerReason) -> tuple[File, Content]:
        target = target_in_group(visit)
        group = required_group(tx, visit)
        found = places.named(tx, [group], target)
        if not found:
            raise refusal(FilerReason.UNKNOWN_FILE)
        file = found[0].file
        if _of_website(tx, file):
            raise refusal(FilerReason.FROM_WEBSITE)
        if not _allowed(visit, group):
            raise refusal(FilerReason.DOWNLOADS_OFF)
        try:
            content = files.content_of(tx, file)
        except KadeError as error:
            raise refusal(without) from error
        if content.length > self._most:
            raise refusal(without)
        return file, content


class _Held(WithBytes):
    """A success whose files are there until it is sent."""

    def __init__(self, body: dict[str, object], parts: Sequence[Part], held: AsyncExitStack) -> None:
        super().__init__(body, parts)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


def _of_website(tx: Tx, file: File) -> bool:
    item = tx.items.get(file.id)
    return item is not None and sources.of_item(tx, item)[1].kind == ServiceKind.WEBSITE


def _allowed(visit: Visit, group: FileGroup) -> bool:
    return visit.customer.account.downloads and group.settings.downloads


async def _read(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while data := await asyncio.to_thread(file.read, _PIECE):
            yield data
    finally:
        file.close()

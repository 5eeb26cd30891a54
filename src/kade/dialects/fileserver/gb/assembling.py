"""One file out of what was put: parts that are joined, volumes that are unpacked.

The new file takes its place, and what it was made of goes, in the transaction that makes it live.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from kade.core import media_types, names
from kade.core.clock import now
from kade.core.contents import Extent
from kade.core.errors import FileReason, KadeError, UploadReason
from kade.core.events import Event
from kade.core.files import File, FileState
from kade.core.ports import Digester, Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload, UploadKind
from kade.dialects.fileserver.gb import places, splitzip
from kade.dialects.fileserver.gb.places import Place
from kade.dialects.fileserver.gb.volumes import Digested, Put, PutVolumes
from kade.services import files, uploads
from kade.services.uploads import Arrived, Wish
from kade.web.dialect import Kit
from kade.web.grote_berichten.checksums import ALGORITHMS
from kade.web.grote_berichten.messages import OK, Claim, Status, Verdict


class Recipe(NamedTuple):
    """What is to be made: a file at *target* of which *claim* holds, and that keeps *receipt*."""

    target: Place
    claim: Claim
    media_type: str
    receipt: str

    @property
    def algorithm(self) -> str:
        return ALGORITHMS[self.claim.kind]

    def fits(self, digester: Digester) -> bool:
        """Whether the bytes have the checksum that was said."""
        return digester.hexdigest(self.algorithm) == self.claim.checksum.lower()

    @property
    def wish(self) -> Wish:
        size = self.claim.size
        return Wish(self.target.name, size, self.media_type, annotations=self.receipt)


class Assembling:
    """Makes files out of files."""

    def __init__(self, kit: Kit, most_ratio: int) -> None:
        self._kit = kit
        self._most_ratio = most_ratio

    async def join(self, caller: Caller, puts: Sequence[Put], recipe: Recipe) -> Verdict:
        """Parts in their order, as one content of all their extents: no byte is copied.

        Only parts that are so small that they are rows get a segment first.
        """
        volumes = PutVolumes(self._kit.store, puts)
        total = sum(volumes.lengths)
        if total != recipe.claim.size:
            return Verdict(Status.INCORRECT_FILE_SIZE)
        source = self._digested(volumes.read(0, total), recipe)
        while await source.read(0) is not None:
            pass  # only its digests count
        digester = source.digester
        if not recipe.fits(digester):
            return Verdict(Status.CHECKSUM_ERROR)
        arrived = Arrived(total, sha256=digester.hexdigest("sha256"), md5=digester.hexdigest("md5"))
        temporary: list[Upload] = []
        try:
            extents = [extent for put in puts for extent in await self._written(caller, put, temporary)]
            await self._kit.catalog.write(
                self._make_joined, caller, puts, recipe, arrived, extents, temporary
            )
        except BaseException:
            await asyncio.shield(self._kit.catalog.write(_discard, temporary))
            raise
        return OK

    def _make_joined(
        self,
        tx: Tx,
        caller: Caller,
        puts: Sequence[Put],
        recipe: Recipe,
        arrived: Arrived,
        extents: Sequence[Extent],
        temporary: Sequence[Upload],
    ) -> None:
        _consume(tx, caller, puts)  # first: the parts' quota is needed for the whole
        _discard(tx, temporary)
        kit, box = self._kit, recipe.target.box
        made = uploads.begin(tx, caller, kit.namers, kit.rules, box, recipe.wish, arrived)
        if extents:
            tx.contents.set_extents(made.content_id, extents, arrived.length, now())
        places.settle(tx, caller, recipe.target, made.file_id)

    async def unpack(self, caller: Caller, puts: Sequence[Put], recipe: Recipe) -> Verdict:
        """The one file of an archive.

        Raises:
            ZipError: when the archive is damaged or lies.
        """
        volumes = PutVolumes(self._kit.store, puts)
        entry = await splitzip.find_entry(volumes)
        if entry.size != recipe.claim.size:
            return Verdict(Status.INCORRECT_FILE_SIZE)
        source = self._digested(splitzip.unpacked(volumes, entry, self._most_ratio), recipe)
        kit, box = self._kit, recipe.target.box
        # An upload of no bytes would be finished when it begins, without a closing word.
        wish = replace(recipe.wish, length=entry.size or None)

        def begin(tx: Tx) -> Upload:
            return uploads.begin(tx, caller, kit.namers, kit.rules, box, wish)

        def close(tx: Tx, upload: Upload, _arrived: Arrived) -> None:
            if not recipe.fits(source.digester):
                raise KadeError(UploadReason.CHECKSUM_MISMATCH, upload.id)
            _consume(tx, caller, puts)
            places.settle(tx, caller, recipe.target, upload.file_id)

        await kit.appending.deposit_whole(caller, begin, source, close)
        return OK

    def _digested(self, pieces: AsyncIterator[bytes], recipe: Recipe) -> Digested:
        return Digested(pieces, self._kit.appending.tools.digester({"sha256", recipe.algorithm}))

    async def _written(self, caller: Caller, put: Put, temporary: list[Upload]) -> Sequence[Extent]:
        """The extents of a part; one that is a row is written as a partial upload, which is *temporary*."""
        data, kit = put.content.inline, self._kit
        if not data:
            return put.extents
        wish = Wish(put.file.name, len(data), kind=UploadKind.PARTIAL)
        upload = await kit.catalog.write(
            lambda tx: uploads.begin(tx, caller, kit.namers, kit.rules, put.file.space_id, wish)
        )
        temporary.append(upload)

        async def pieces() -> AsyncIterator[bytes]:
            yield data

        source = Digested(pieces(), kit.appending.tools.digester(()))
        await kit.appending.append(caller, upload.id, 0, source)
        return await kit.catalog.read(lambda tx: tx.contents.extents(upload.content_id))


def accept(tx: Tx, caller: Caller, put: Put, name: str, media_type: str) -> None:
    """Give a file that was put as it is the name and the type of the message; again: nothing happens.

    Raises:
        KadeError: ``FileReason.BAD_NAME`` or ``BAD_MEDIA_TYPE``; ``WRONG_STATE`` when it went meanwhile.
    """
    if not places.is_name(name):
        raise KadeError(FileReason.BAD_NAME, ascii(name[:80]))
    file, kind = _still(tx, put), media_types.clean(media_type)
    if (file.name, file.media_type) != (name, kind):
        files.change(tx, file, name=name, name_folded=names.fold(name), media_type=kind)
        tx.journal.append(Event.by(caller, "file.named", file.id, name=name, media_type=kind))


def _consume(tx: Tx, caller: Caller, puts: Sequence[Put]) -> None:
    """Let what the new file is made of go.

    Raises:
        KadeError: ``FileReason.WRONG_STATE`` when some of that went meanwhile, such as by another PUT.
    """
    for put in {put.file.id: put for put in puts}.values():
        files.purge(tx, caller, _still(tx, put))


def _still(tx: Tx, put: Put) -> File:
    """The entry as it stands now."""
    file = tx.files.get(put.file.id)
    if file is None or file.state != FileState.LIVE:
        raise KadeError(FileReason.WRONG_STATE, put.file.id)
    return file


def _discard(tx: Tx, temporary: Sequence[Upload]) -> None:
    for upload in temporary:
        uploads.discard(tx, upload)

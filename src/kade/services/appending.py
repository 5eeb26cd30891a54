"""Appending: the one flow by which bytes get into the store.

Bytes before row, row before answer: what a source gives goes to a segment, the segment is synced, then the
offset is committed, and only a committed offset is ever told. An append that is broken off keeps what it
has, unless it carries a checksum: then all of it counts or nothing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from kade.core.errors import KadeError, UploadReason
from kade.core.ids import Id, new_token
from kade.core.ports import Digester, Source, Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.services import uploads
from kade.services.gathering import gather
from kade.services.leasing import TTL_MS
from kade.services.receiving import (
    Checksum,
    Closing,
    Receiving,
    Taken,
    Tools,
    TrailingChecksum,
    arrived_inline,
)
from kade.services.uploads import Arrived, Rules

_MIDSTATES = 4096  # uploads whose running digests are kept between appends


class Appending:
    """Receives bytes into uploads."""

    def __init__(self, tools: Tools, midstates: int = _MIDSTATES) -> None:
        self.tools = tools
        self._most_midstates = midstates
        self._midstates: OrderedDict[Id, Digester] = OrderedDict()

    async def append(
        self,
        caller: Caller,
        upload_id: Id,
        offset: int,
        source: Source,
        *,
        length: int | None = None,
        checksum: Checksum | TrailingChecksum | None = None,
        closing: Closing | None = None,
    ) -> Upload:
        """Append what *source* gives at *offset*; the upload as it stands then, finished when complete.

        *length* declares the length that was deferred until now. With *closing* the end of the source is
        the end of the file: the length that was deferred is what came, and all of it counts or nothing.

        Raises:
            KadeError: ``UploadReason.UNKNOWN``, ``OFFSET_MISMATCH``, ``LENGTH_EXCEEDED``,
                ``LENGTH_CHANGED``, ``FINAL_IS_READ_ONLY``, ``CHECKSUM_MISMATCH``, ``LOCKED``,
                ``TAKEN_OVER``, ``DISK_FULL``; ``RequestReason.LINE_CUT`` or ``TOO_SLOW``. After the last
                two and ``TAKEN_OVER`` the bytes that came are kept.
        """
        holder = new_token(16)
        taken = await self.tools.leasing.taken(
            upload_id,
            lambda tx: _take(
                tx, caller, self.tools.rules, upload_id, offset, length, holder, source.remaining
            ),
        )
        leasing, transfers = self.tools.leasing, self.tools.transfers
        with leasing.holding(upload_id) as wish, transfers.running(caller, wish):
            run = Receiving(self.tools, caller, taken, source, wish, self._midstate(taken), checksum, closing)
            try:
                upload = await run.receive()
            finally:
                self._keep_midstate(upload_id, run)
        if run.finished and run.digester is None and upload.kind == UploadKind.WHOLE:
            self.tools.digesting.begin_pending(upload.content_id)
        if run.finished and upload.kind == UploadKind.PARTIAL:
            self.tools.digesting.begin_all_pending()  # of the files that this part completed
        return upload

    async def deposit(
        self,
        caller: Caller,
        begin: Callable[[Tx, Arrived | None], Upload],
        source: Source,
        checksum: Checksum | TrailingChecksum | None = None,
    ) -> Upload:
        """Begin an upload and append what *source* gives; a small whole file costs one transaction.

        Raises:
            KadeError: what *begin* or ``append`` raises; when only the append fails, the upload stays.
        """
        gathered = await gather(source, self.tools.pace.inline_limit) if checksum is None else None
        if gathered is not None and gathered.ended:
            upload = await self.tools.catalog.write(begin, arrived_inline(self.tools, gathered.data))
            if upload.state == UploadState.FINISHED or not gathered.data:
                return upload
        else:
            upload = await self.tools.catalog.write(begin, None)
        rest = gathered.followed_by(source) if gathered is not None else source
        return await self.append(caller, upload.id, 0, rest, checksum=checksum)

    async def deposit_whole(
        self, caller: Caller, begin: Callable[[Tx], Upload], source: Source, closing: Closing
    ) -> Upload:
        """Begin an upload of unknown length and finish it with all that *source* gives, or leave nothing.

        *closing* is called, when the source has ended, in the transaction that makes the file live: it may
        still check and change the file's row, and refuse it.

        Raises:
            KadeError: what *begin*, ``append`` or *closing* raises.
        """
        upload = await self.tools.catalog.write(begin)
        try:
            return await self.append(caller, upload.id, 0, source, closing=closing)
        except BaseException:
            await asyncio.shield(self.tools.catalog.write(uploads.give_up, upload.id))
            raise

    async def digest(self, upload: Upload, algorithm: str) -> str:
        """The digest of what the upload has by now, in hex: as it ran along, else read from the store.

        Raises:
            KadeError: ``UploadReason.OFFSET_MISMATCH`` when the upload has gone on meanwhile.
        """
        kept = self._midstates.get(upload.id)
        if kept is not None and kept.length == upload.offset:
            known = kept.hexdigest(algorithm)
            if known is not None:
                return known
        extents = await self.tools.catalog.read(lambda tx: tx.contents.extents(upload.content_id))
        digester = self.tools.digester((algorithm,))
        async for data in self.tools.store.read(extents):
            await asyncio.to_thread(digester.update, data)
        if digester.length != upload.offset:
            raise KadeError(UploadReason.OFFSET_MISMATCH, upload.id, offset=digester.length)
        found = digester.hexdigest(algorithm)
        assert found is not None
        return found

    async def settled(self, caller: Caller, find: Callable[[Tx], Upload]) -> Upload:
        """The upload once nobody is writing to it: whoever does is asked to store what it has and end."""
        upload = await self.tools.catalog.glance(find)
        if upload.lease_holder is not None:
            await self.tools.leasing.let_go(upload.id)
            upload = await self.tools.catalog.read(find)
        return upload

    async def end(self, caller: Caller, find: Callable[[Tx], Upload]) -> None:
        """Terminate the upload; whoever writes to it ends first."""
        upload = await self.settled(caller, find)
        await self.tools.catalog.write(
            lambda tx: uploads.end(tx, caller, uploads.find(tx, caller, upload.id))
        )

    def _midstate(self, taken: Taken) -> Digester | None:
        """The running digests at the upload's offset; None when they were lost."""
        if taken.upload.offset == 0:
            return self.tools.digester(("sha256", *taken.digests))
        kept = self._midstates.pop(taken.upload.id, None)
        return kept if kept is not None and kept.length == taken.upload.offset else None

    def _keep_midstate(self, upload_id: Id, run: Receiving) -> None:
        if run.digester is not None and run.digester.length == run.offset and not run.finished:
            self._midstates[upload_id] = run.digester
            if len(self._midstates) > self._most_midstates:
                self._midstates.popitem(last=False)


def _take(
    tx: Tx,
    caller: Caller,
    rules: Rules,
    upload_id: Id,
    offset: int,
    length: int | None,
    holder: str,
    remaining: int | None,
) -> Taken | None:
    """The lease and what it is for; None, with our wish left behind, while somebody else holds it."""
    tx.uploads.lock(upload_id)  # before we look: what we then see, its tail segment too, stays so
    upload = uploads.find(tx, caller, upload_id)
    if upload.kind == UploadKind.FINAL:
        raise KadeError(UploadReason.FINAL_IS_READ_ONLY, upload_id)
    lease = tx.uploads.take_lease(upload_id, holder, TTL_MS)
    if lease is None:
        tx.uploads.want_lease(upload_id, holder)
        return None
    upload = upload._replace(lease_holder=lease.holder, lease_fence=lease.fence)
    if upload.offset != offset:
        raise KadeError(UploadReason.OFFSET_MISMATCH, upload_id, offset=upload.offset)
    if length is not None:
        upload = uploads.set_length(tx, rules, upload, length)
    if upload.length is not None and remaining is not None and offset + remaining > upload.length:
        raise KadeError(UploadReason.LENGTH_EXCEEDED, upload_id, length=upload.length)
    return Taken(lease, upload, tx.contents.extents(upload.content_id), _digests(tx, upload))


def _digests(tx: Tx, upload: Upload) -> tuple[str, ...]:
    space = tx.spaces.get(upload.space_id)
    return space.policy.digests if space is not None else ()

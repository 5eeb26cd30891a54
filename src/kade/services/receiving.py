"""One append, from its lease to its last commit."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kade.core.clock import now
from kade.core.contents import Extent, Segment, cut, grown
from kade.core.errors import KadeError, RequestReason, UploadReason
from kade.core.ids import Id, new_id
from kade.core.ports import Absorber, Catalog, Digester, Piece, SegmentStore, Sink, Source, Tx
from kade.core.principals import Caller
from kade.core.ranges import Span
from kade.core.uploads import Lease, Upload, UploadKind, UploadState
from kade.services import slots, uploads
from kade.services.digesting import Digesting
from kade.services.gathering import GLANCE_S, Gathered, gather
from kade.services.leasing import TTL_MS, Leasing
from kade.services.transfers import Transfers
from kade.services.uploads import DEFERRED_STEP, Arrived, Rules

_HEAD = 4096  # bytes by which a media type is detected
_TELLING = 512  # with fewer one waits for more
_KEEPING = frozenset(
    {RequestReason.LINE_CUT, RequestReason.TOO_SLOW, RequestReason.SHUTTING_DOWN, UploadReason.TAKEN_OVER}
)


@dataclass(frozen=True, slots=True)
class Pace:
    """When bytes are made durable, and what is too slow.

    After *flush_bytes* or *flush_s* seconds the offset is committed. A body that brings fewer than
    *min_rate* bytes per second over *slow_after_s* seconds is cut. Whole files up to *inline_limit* bytes
    are kept in the catalog's row.
    """

    flush_bytes: int = 64 << 20
    flush_s: float = 1.0
    min_rate: int = 1024
    slow_after_s: float = 30.0
    inline_limit: int = 16 << 10


@dataclass(frozen=True, slots=True)
class Checksum:
    """A digest that the bytes of one append must have: an algorithm of ``storage.digests`` and hex."""

    algorithm: str
    value: str


Closing = Callable[[Tx, Upload, Arrived], None]
"""Has the last word, in the transaction that makes the file live: what it raises refuses the file."""

TrailingChecksum = Callable[[Mapping[str, str]], Checksum]  # reads it from the trailers, after the body


@dataclass(frozen=True, slots=True)
class Tools:
    """What the flow is made of; given by the composition root."""

    catalog: Catalog
    store: SegmentStore
    leasing: Leasing
    transfers: Transfers
    digesting: Digesting
    digester: Callable[[Iterable[str]], Digester]
    detect: Callable[[bytes], str]
    rules: Rules
    pace: Pace


@dataclass(frozen=True, slots=True)
class Taken:
    """An upload whose lease we hold, as it was when we got it."""

    lease: Lease
    upload: Upload
    extents: list[Extent]
    digests: tuple[str, ...]


class Receiving:
    """Moves bytes from a source to a segment, and the offset after them."""

    def __init__(
        self,
        tools: Tools,
        caller: Caller,
        taken: Taken,
        source: Source,
        wish: asyncio.Event,
        digester: Digester | None,
        checksum: Checksum | TrailingChecksum | None,
        closing: Closing | None = None,
    ) -> None:
        """With *closing* the end of the source is the end of the file, and all of it counts or nothing."""
        self._tools = tools
        self._caller = caller
        self._upload = taken.upload
        self._lease = taken.lease
        self._extents = taken.extents
        self._source = source
        self._wish = wish
        self._checksum = checksum
        self._closing = closing
        self._ended = False
        self._original = digester
        self._chunk = tools.digester((checksum.algorithm,)) if isinstance(checksum, Checksum) else None
        self.digester = digester.copy() if digester and checksum else digester
        self.offset = taken.upload.offset
        self.finished = False
        self._sink: Sink | None = None
        self._sink_start = 0
        self._sink_is_new = False
        self._pending = 0
        self._head = b""
        self._committing: asyncio.Task[None] | None = None

    async def receive(self) -> Upload:
        """Run to the end. Raises as ``Appending.append`` says; the lease is given back in any case."""
        try:
            gathered = await self._gather_whole_file()
            if gathered is not None and gathered.ended:
                await self._commit_inline(gathered.data)
            else:
                if gathered is not None:
                    self._source = gathered.followed_by(self._source)
                await self._pump()
                if self._sink is not None:
                    await self._sink.sync()
                await self._verify()
                self._ended = True
                await self._commit(last=True)
        except KadeError as error:
            all_or_nothing = self._checksum is not None or self._closing is not None
            await self._break_off(keep=error.reason in _KEEPING and not all_or_nothing)
            raise
        except BaseException:
            await asyncio.shield(self._break_off(keep=False))
            raise
        finally:
            if self._sink is not None:
                await self._sink.close()
        return self._upload

    async def _gather_whole_file(self) -> Gathered | None:
        """The body, when it is a whole file that is small enough to be kept in the catalog's row."""
        upload, remaining = self._upload, self._source.remaining
        if self._checksum is not None or upload.kind != UploadKind.WHOLE or upload.slot_id is not None:
            # It is verified or looked at where the bytes lie; a part is joined by its extents.
            return None
        if self._closing is not None:
            return await gather(self._source, self._tools.pace.inline_limit, unknown=True)
        if upload.offset or remaining is None or remaining != upload.length:
            return None
        return await gather(self._source, self._tools.pace.inline_limit)

    async def _pump(self) -> None:
        clock = asyncio.get_running_loop().time
        flushed_at, pace = clock(), self._tools.pace
        watch = _Slowness(pace, clock())
        while (piece := await self._source.read(GLANCE_S)) is not None:
            size = len(piece.data)
            await self._take(piece)  # first: whoever raises, the piece has an owner
            watch.saw(size, clock())
            if self._wish.is_set():
                await self._tools.catalog.read(uploads.require_still, self._caller, self._upload)
                raise KadeError(UploadReason.TAKEN_OVER, self._upload.id)
            if self._checksum is not None:
                continue
            if self._pending >= pace.flush_bytes or clock() - flushed_at >= pace.flush_s:
                await self._commit()
                flushed_at = clock()

    async def _take(self, piece: Piece) -> None:
        size = len(piece.data)
        if size == 0:
            piece.release()
            return
        try:
            await self._make_room(self.offset + self._pending + size)
            if self.offset + self._pending == 0:
                self._head = bytes(piece.data[:_HEAD])
                await self._look_at_head()
            if self._sink is None:
                await self._open_sink()
        except BaseException:
            piece.release()
            raise
        assert self._sink is not None
        await self._sink.write(piece)
        self._pending += size

    async def _look_at_head(self) -> None:
        """Refuse what a slot is not for as soon as that can be seen, not when all of it has come."""
        slot_id = self._upload.slot_id
        if slot_id is None or len(self._head) < _TELLING:
            return
        detected = await asyncio.to_thread(self._tools.detect, self._head)
        await self._tools.catalog.read(slots.require_type, slot_id, detected)

    async def _make_room(self, end: int) -> None:
        """Refuse bytes beyond the length; hold more quota in steps while the length is not known."""
        upload = self._upload
        if upload.length is not None:
            if end > upload.length:
                raise KadeError(UploadReason.LENGTH_EXCEEDED, upload.id, length=upload.length)
            return
        if end > upload.reserved:
            amount = -(-end // DEFERRED_STEP) * DEFERRED_STEP
            self._upload = await self._tools.catalog.write(
                _hold, self._tools, self._lease, upload, end, amount
            )

    async def _open_sink(self) -> None:
        store, absorber = self._tools.store, self._absorber()
        tail = self._upload.tail_segment
        if tail is not None and self._extents and self._extents[-1].segment_id == tail:
            last = self._extents[-1]
            self._sink = await store.resume(tail, last.start + last.length, absorber)
        if self._sink is None:
            self._sink = await store.create(new_id(), absorber)
            self._sink_is_new = True
        self._sink_start = self._sink.written

    def _absorber(self) -> Absorber | None:
        absorbers = [each for each in (self.digester, self._chunk) if each is not None]
        return _All(absorbers) if len(absorbers) > 1 else absorbers[0] if absorbers else None

    async def _verify(self) -> None:
        """Raises KadeError(UploadReason.CHECKSUM_MISMATCH) when the bytes are not those that were sent."""
        if self._checksum is None:
            return
        if isinstance(self._checksum, Checksum):
            expected, digester = self._checksum, self._chunk
        else:  # which algorithm it is, only the trailer says: the bytes are read again
            expected = self._checksum(self._source.trailers)
            digester = await self._digest_pending(expected.algorithm)
        assert digester is not None
        if digester.hexdigest(expected.algorithm) != expected.value:
            raise KadeError(UploadReason.CHECKSUM_MISMATCH, self._upload.id)

    async def _digest_pending(self, algorithm: str) -> Digester:
        digester = self._tools.digester((algorithm,))
        addition = self._addition()
        async for data in self._tools.store.read([addition] if addition else []):
            await asyncio.to_thread(digester.update, data)
        return digester

    async def _commit(self, *, last: bool = False) -> None:
        """Sync what was written, then move the offset; the last commit gives the lease back.

        A commit that began is seen to its end, also when we are cancelled: the bytes under a row that says
        they are there must not be dropped.
        """
        self._committing = asyncio.create_task(self._commit_now(last=last))
        await asyncio.shield(self._committing)

    async def _commit_now(self, *, last: bool) -> None:
        if self._sink is not None and self._pending:
            await self._sink.sync()
        end = self.offset + self._pending
        at_end = self._ended if self._closing is not None else self._upload.length == end
        arrived = await self._arrived(end) if at_end and self._upload.state != UploadState.FINISHED else None
        addition = self._addition()
        step = _Step(self._lease, self._upload, self.offset, end, addition, self._sink_is_new, self._closing)
        self._upload, wanted = await self._tools.catalog.write(
            _advance, self._tools, self._caller, step, self._extents, arrived, last
        )
        if step.addition is not None:
            self._extents = grown(self._extents, step.addition)
            self._sink_is_new = False
        self.offset, self._pending = end, 0
        self.finished = self._upload.state == UploadState.FINISHED
        if wanted and not last:
            raise KadeError(UploadReason.TAKEN_OVER, self._upload.id)

    def _addition(self) -> Extent | None:
        if self._sink is None or not self._pending:
            return None
        return Extent(self._sink.segment_id, self._sink.written - self._pending, self._pending)

    async def _arrived(self, length: int) -> Arrived:
        """What is known of the whole content; its media type is told from its first bytes."""
        digester = self.digester if self.digester and self.digester.length == length else None
        head = self._head or await self._stored_head(length)
        detected = await asyncio.to_thread(self._tools.detect, head)
        return Arrived(
            length,
            sha256=digester.hexdigest("sha256") if digester else None,
            md5=digester.hexdigest("md5") if digester else None,
            detected_type=detected,
        )

    async def _stored_head(self, length: int) -> bytes:
        extents = cut(self._extents, Span(0, min(_HEAD, length)))
        return b"".join([data async for data in self._tools.store.read(extents)])

    async def _commit_inline(self, data: bytes) -> None:
        arrived = arrived_inline(self._tools, data)
        step = _Step(self._lease, self._upload, 0, len(data), None, False, self._closing)
        self._upload, _ = await self._tools.catalog.write(
            _advance, self._tools, self._caller, step, self._extents, arrived, True
        )
        self.offset, self.finished = len(data), True

    async def _break_off(self, *, keep: bool) -> None:
        """Give the lease back; what came and is not committed is stored or dropped."""
        if self._committing is not None:
            await asyncio.gather(self._committing, return_exceptions=True)
        try:
            if keep and self._pending:
                await self._commit(last=True)
                return
            if not keep:
                self.digester = self._original if self._checksum else None
            if self._sink is not None and self._pending:
                await self._drop_pending(self._sink)
        except (KadeError, OSError):
            self.digester = None  # the first error is the one to tell; an orphan segment is swept later
        tail = self._tail()
        await self._tools.catalog.write(lambda tx: tx.uploads.release(self._lease, tail))

    async def _drop_pending(self, sink: Sink) -> None:
        if self._sink_is_new:
            await sink.close()
            self._sink = None
            await self._tools.store.delete(sink.segment_id)
        else:
            await sink.rewind(sink.written - self._pending)
        self._pending = 0

    def _tail(self) -> Id | None:
        """The segment that the next holder may go on writing: none after an error in this one."""
        if self._pending:
            return None
        return self._sink.segment_id if self._sink is not None else self._upload.tail_segment


def arrived_inline(tools: Tools, data: bytes) -> Arrived:
    """A whole small file in memory, as the catalog is to keep it; its type is detected later."""
    running = tools.digester(("sha256", "md5"))
    running.update(data)
    return Arrived(len(data), data, running.hexdigest("sha256"), running.hexdigest("md5"))


class _All:
    """Shows the same bytes to several absorbers."""

    def __init__(self, absorbers: Sequence[Absorber]) -> None:
        self._absorbers = absorbers

    def update(self, data: memoryview | bytes) -> None:
        for absorber in self._absorbers:
            absorber.update(data)


class _Slowness:
    """Raises when a body brings too little over too long a time."""

    def __init__(self, pace: Pace, at: float) -> None:
        self._pace = pace
        self._since = at
        self._bytes = 0

    def saw(self, size: int, at: float) -> None:
        self._bytes += size
        if at - self._since < self._pace.slow_after_s:
            return
        if self._bytes < self._pace.min_rate * (at - self._since):
            raise KadeError(RequestReason.TOO_SLOW)
        self._since, self._bytes = at, 0


@dataclass(frozen=True, slots=True)
class _Step:
    """One move of the offset, with the bytes that it covers."""

    lease: Lease
    upload: Upload
    start: int
    end: int
    addition: Extent | None
    is_new_segment: bool
    closing: Closing | None


def _advance(
    tx: Tx,
    tools: Tools,
    caller: Caller,
    step: _Step,
    extents: list[Extent],
    arrived: Arrived | None,
    last: bool,
) -> tuple[Upload, str | None]:
    upload = step.upload
    expires_at = uploads.expiry(tools.rules)
    if arrived is not None and upload.slot_id is not None:
        # The request before the upload, as whoever sends or closes it does: else the two wait for each other.
        slots.require_fillable(tx, caller, upload.slot_id)
    wanted = tx.uploads.advance(step.lease, step.start, step.end, TTL_MS, expires_at)
    if step.addition is not None:
        held = step.addition.start + step.addition.length
        if step.is_new_segment:
            tx.segments.add(Segment(step.addition.segment_id, held, now()))
        else:
            tx.segments.grow(step.addition.segment_id, held)
        merged = grown(extents, step.addition)
        tx.contents.set_last_extent(upload.content_id, len(merged) - 1, merged[-1], step.end, now())
    tail = step.addition.segment_id if step.addition else upload.tail_segment
    upload = upload._replace(offset=step.end, expires_at=expires_at, tail_segment=tail)
    if arrived is not None:
        if upload.length is None:
            upload = uploads.set_length(tx, tools.rules, upload, step.end)
        if step.closing is not None:
            step.closing(tx, upload, arrived)
        uploads.finish(tx, caller, tools.rules, upload, arrived)
        upload = upload._replace(state=UploadState.FINISHED)
    if last:
        tx.uploads.release(step.lease, tail)
    return upload, wanted


def _hold(tx: Tx, tools: Tools, lease: Lease, upload: Upload, end: int, amount: int) -> Upload:
    """Hold *amount* bytes of quota, or *end* when there is no room for so much."""
    current = tx.uploads.lock(upload.id)
    if current is None or current.lease_fence != lease.fence:
        raise KadeError(UploadReason.TAKEN_OVER, upload.id)
    space = tx.spaces.get(upload.space_id)
    assert space is not None
    uploads.check_size(tools.rules, space, end)
    try:
        return uploads.reserve(tx, upload, amount)
    except KadeError:
        return uploads.reserve(tx, upload, end)

"""Appends of every kind, in every order, against a model that is just bytes."""

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.services.conftest import House, close_house, open_house
from tests.support.bodies import Body, Stream
from tests.support.sizes import sizes

from kade.catalog.migrations import migrate_sqlite
from kade.core.errors import KadeError, Reason, RequestReason, UploadReason
from kade.core.uploads import Upload
from kade.services import uploads
from kade.services.appending import Appending
from kade.services.receiving import Checksum

LENGTH = 600
TEMPLATE = Path(tempfile.mkdtemp(prefix="kade-machine-")) / "template.sqlite"
pieces = st.lists(st.binary(min_size=0, max_size=80), min_size=1, max_size=5)


class Machine(RuleBasedStateMachine):
    """One upload; *kept* is what must be durable of it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.kept = b""
        self.finished = False
        if not TEMPLATE.exists():
            migrate_sqlite(TEMPLATE)

    @initialize(small=st.booleans())
    def begin(self, small: bool) -> None:
        async def begin() -> tuple[House, Upload]:
            house = await open_house(Path(self.folder.name), TEMPLATE)
            return house, await house.begin(50 if small else LENGTH)

        self.house, self.upload = self.runner.run(begin())
        self.length = self.upload.length or 0

    def append(self, body: Any, offset: int | None = None, **how: Any) -> Reason | None:
        try:
            start = len(self.kept) if offset is None else offset
            self.runner.run(self.house.append(self.upload, start, body, **how))
        except KadeError as error:
            return error.reason
        return None

    def fits(self, given: list[bytes]) -> list[bytes]:
        data = b"".join(given)[: self.length - len(self.kept)]
        return [data[first : first + 50] for first in range(0, len(data), 50)]

    @rule(given=pieces, known=st.booleans())
    def whole(self, given: list[bytes], known: bool) -> None:
        body = Body(self.fits(given), **({} if known else {"remaining": None}))
        assert self.append(body) is None
        self.kept += b"".join(self.fits(given))

    @rule(given=pieces, reason=st.sampled_from([RequestReason.LINE_CUT, RequestReason.TOO_SLOW]))
    def cut(self, given: list[bytes], reason: RequestReason) -> None:
        data = self.fits(given)
        rest = self.length - len(self.kept)
        assert self.append(Body([*data, KadeError(reason)], remaining=rest)) is reason
        self.kept += b"".join(data)

    @rule(given=pieces, right=st.booleans(), is_cut=st.booleans())
    def with_checksum(self, given: list[bytes], right: bool, is_cut: bool) -> None:
        data = self.fits(given)
        value = hashlib.sha256(b"".join(data) if right else b"something else entirely").hexdigest()
        steps: list[Any] = [*data, KadeError(RequestReason.LINE_CUT)] if is_cut else data
        reason = self.append(Body(steps, remaining=None), checksum=Checksum("sha256", value))
        if is_cut:
            assert reason is RequestReason.LINE_CUT
        elif not right:
            assert reason is UploadReason.CHECKSUM_MISMATCH
        else:
            assert reason is None
            self.kept += b"".join(data)

    @rule(offset=st.integers(0, LENGTH + 5))
    def elsewhere(self, offset: int) -> None:
        if offset != len(self.kept):
            assert self.append(b"x", offset) is UploadReason.OFFSET_MISMATCH

    @precondition(lambda self: len(self.kept) < self.length)
    @rule(surplus=st.integers(1, 50))
    def too_much(self, surplus: int) -> None:
        data = b"x" * (self.length - len(self.kept) + surplus)
        assert self.append(data) is UploadReason.LENGTH_EXCEEDED

    @precondition(lambda self: len(self.kept) < self.length)
    @rule(given=pieces, more=pieces)
    def taken_over(self, given: list[bytes], more: list[bytes]) -> None:
        """A HEAD comes while a body streams: what the offset says then is what is kept."""

        async def race() -> int:
            stream = Stream()
            older = asyncio.create_task(self.house.append(self.upload, len(self.kept), stream))
            for piece in data:
                stream.feed(piece)
            await asyncio.sleep(0.01)
            find = self.house.appending.settled(
                self.house.caller, lambda tx: uploads.find(tx, self.house.caller, self.upload.id)
            )
            found = await find
            stream.end()
            await asyncio.gather(older, return_exceptions=True)
            return found.offset

        data = self.fits(given)
        sent = self.kept + b"".join(data)
        offset = self.runner.run(race())
        assert len(self.kept) <= offset <= len(sent)
        # A body that ended by itself, because the HEAD came too early to disturb it, is kept as well.
        now = self.runner.run(self.house.offset(self.upload))
        assert offset <= now <= len(sent)
        self.kept = sent[:now]
        self.whole(more, True)

    @rule()
    def restart(self) -> None:
        """A process that began anew knows no running digests."""
        self.house.appending = Appending(self.house.tools)

    @invariant()
    def what_is_durable_is_what_was_kept(self) -> None:
        if not hasattr(self, "house"):
            return
        house = self.house
        found = self.runner.run(house.upload_now(self.upload))
        assert found is not None
        assert (found.offset, found.lease_holder) == (len(self.kept), None)
        assert self.runner.run(house.stored(self.upload)) == self.kept
        if len(self.kept) == self.length:
            content = self.runner.run(house.tools.digesting.ensure(self.upload.content_id))
            assert content.sha256 == hashlib.sha256(self.kept).hexdigest()

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.runner.run(close_house(self.house))
        self.runner.close()
        self.folder.cleanup()


TestAppending = Machine.TestCase
TestAppending.settings = settings(max_examples=sizes.examples // 5, stateful_step_count=15, deadline=None)

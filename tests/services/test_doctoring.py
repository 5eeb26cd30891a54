"""Doctoring over real parts: each kind of damage is planted, found, and nothing else is reported."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kade import app
from kade.config import load
from kade.core.bindings import Binding, Noun
from kade.core.clock import Millis, now
from kade.core.files import FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Piece, Tx
from kade.core.principals import Caller, CredentialKind, Principal, PrincipalKind
from kade.core.uploads import Upload, UploadKind
from kade.services import access, joining, partners, principals, retention, spaces, uploads
from kade.services.doctoring import Doctoring
from kade.services.installing import install, local_operator
from kade.services.journal import Verification
from kade.services.soundness import Finding
from kade.services.uploads import Wish

DAY = 86_400_000
BODY = bytes(range(256)) * 400  # 100 KiB: more than is kept in the catalog's row


class Held:
    """A piece of memory that nobody leased."""

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)

    def release(self) -> None:
        pass


class Body:
    """Implements ``core.ports.Source`` over bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.trailers: dict[str, str] = {}

    async def read(self, _patience: float) -> Piece | None:
        data, self._data = self._data[:30_000], self._data[30_000:]
        return Held(data) if data else None

    @property
    def remaining(self) -> int | None:
        return len(self._data)


@dataclass
class House:
    """A Kade without listeners, with an operator and a partner."""

    kade: app.Kade
    operator: Caller
    partner: Caller
    box: Id

    @property
    def segments(self) -> Path:
        return self.kade.config.data.folder / "segments"

    async def send(
        self, data: bytes, *, length: int | None = None, kind: UploadKind = UploadKind.WHOLE
    ) -> Upload:
        """Upload *data* as (the beginning of) a file of *length* bytes."""
        wish = Wish("report.txt", len(data) if length is None else length, kind=kind)

        def begin(tx: Tx) -> Upload:
            return uploads.begin(tx, self.partner, self.kade.namers, self.kade.rules, self.box, wish)

        upload = await self.kade.catalog.write(begin)
        if not data:
            return upload
        return await self.kade.appending.append(self.partner, upload.id, 0, Body(data))

    def doctoring(self, **options: Any) -> Doctoring:
        kade = self.kade
        options = {"pause_s": 0.0, **options}
        return Doctoring(kade.catalog, kade.store, kade.digesting, 60_000, **options)

    async def examine(self, *, digests: bool = False) -> list[Finding]:
        return [each async for each in self.doctoring().examine(digests=digests)]

    async def codes(self, *, digests: bool = False) -> list[str]:
        return [each.code for each in await self.examine(digests=digests)]

    def damage(self, statement: str, *values: object) -> None:
        """Change the catalog behind everybody's back."""
        with sqlite3.connect(self.kade.config.data.folder / "catalog.sqlite") as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            assert connection.execute(statement, values).rowcount > 0
        connection.close()

    def segment_file(self) -> Path:
        (found,) = [path for path in self.segments.rglob("*") if path.is_file()]
        return found


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    environ = {"KADE_DATA_FOLDER": str(tmp_path / "data")}
    async with app.opened(app.build(load(None, environ, app.sections()))) as kade:
        await kade.catalog.write(install, kade.namers, "main", "0" * 64)

        def settle(tx: Tx) -> tuple[Caller, Principal, Id]:
            operator = local_operator(tx)
            user = partners.create(tx, operator, kade.namers, PrincipalKind.PARTNER, "haven", 1 << 40)
            (box,) = partners.own_spaces(tx, operator, kade.namers, user)
            return operator, user, box.id

        operator, user, box = await kade.catalog.write(settle)
        yield House(kade, operator, Caller(user.id, user.name, user.tenant_id), box)


def age(path: Path) -> None:
    """Make a file look untouched for an hour."""
    past = path.stat().st_mtime - 3600
    os.utime(path, (past, past))


async def test_what_is_sound_is_not_reported(house: House) -> None:
    await house.send(BODY)
    await house.send(b"small")
    await house.send(b"")
    await house.send(BODY, length=len(BODY) * 2)
    await house.send(b"part", kind=UploadKind.PARTIAL)
    await house.send(BODY[:50_000], length=60_000, kind=UploadKind.PARTIAL)
    for path in house.segments.rglob("*"):
        if path.is_file():
            age(path)
    assert await house.examine(digests=True) == []


async def test_a_joined_upload_is_sound(house: House) -> None:
    parts = [await house.send(BODY, kind=UploadKind.PARTIAL), await house.send(BODY, kind=UploadKind.PARTIAL)]
    kade = house.kade

    def join(tx: Tx) -> Upload:
        wish = Wish("joined", None, kind=UploadKind.FINAL)
        return joining.begin_final(
            tx, house.partner, kade.namers, kade.rules, house.box, wish, [part.id for part in parts]
        )

    final = await kade.catalog.write(join)
    assert final.complete
    assert await house.examine() == []
    await kade.digesting.ensure(final.content_id)
    assert await house.examine(digests=True) == []


async def test_a_missing_segment(house: House) -> None:
    await house.send(BODY)
    house.segment_file().unlink()
    (finding,) = await house.examine(digests=True)
    assert (finding.severity, finding.code) == ("error", "segment.missing")
    assert f"{len(BODY)} bytes were stored, 0 are there" in finding.detail


async def test_a_short_segment(house: House) -> None:
    await house.send(BODY)
    os.truncate(house.segment_file(), len(BODY) - 1)
    assert await house.codes(digests=True) == ["segment.short"]


async def test_an_altered_byte(house: House) -> None:
    await house.send(BODY)
    with house.segment_file().open("r+b") as file:
        file.seek(70_000)
        file.write(b"?")
    assert await house.codes() == []
    assert await house.codes(digests=True) == ["content.digest"]


async def test_an_orphan_is_dropped(house: House) -> None:
    orphan = house.segments / "aa" / ("0" * 30 + "aa")
    orphan.write_bytes(b"from a crash")
    assert await house.codes() == []  # young: somebody may be writing it
    age(orphan)
    (finding,) = await house.examine()
    assert (finding.code, finding.subject) == ("segment.orphan", orphan.name)
    assert await house.doctoring().mend(house.operator, finding)
    assert not orphan.exists()
    assert await house.examine() == []


async def test_an_orphan_that_became_known_is_kept(house: House) -> None:
    await house.send(BODY)
    kept = house.segment_file()
    finding = Finding(*("warning", "segment.orphan", kept.name, ""))  # type: ignore[arg-type]
    assert not await house.doctoring().mend(house.operator, finding)
    assert kept.exists()


async def test_what_is_no_segment_is_left_alone(house: House) -> None:
    foreign = house.segments / "aa" / "notes.txt"
    foreign.write_text("mine")
    age(foreign)
    (finding,) = await house.examine()
    assert finding.code == "segment.foreign"
    assert not await house.doctoring().mend(house.operator, finding)
    assert foreign.exists()


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE extents SET length = length + 1", "content.length content.extent"),
        ("UPDATE extents SET start = 1", "content.extent"),
        ("UPDATE segments SET length = length - 1", "content.extent"),
        ("UPDATE contents SET length = 5", "content.length file.length upload.offset"),
        ("UPDATE contents SET state = 'condemned'", "content.condemned upload.content_missing"),
        ("UPDATE contents SET state = 'growing'", "file.incomplete upload.unsealed"),
        ("UPDATE files SET length = 7, version = 9", "file.length quota.wrong quota.wrong"),
        ("UPDATE files SET content_id = 'x'", "file.content_missing"),
        ('UPDATE uploads SET "offset" = 7', "upload.offset"),
        ("UPDATE uploads SET reserved = 7", "quota.wrong quota.wrong"),
        ("UPDATE quotas SET used = used + 7 WHERE ceiling IS NOT NULL", "quota.wrong"),
        ("DELETE FROM quotas WHERE ceiling IS NOT NULL", "quota.missing"),
        ("UPDATE spaces SET removed_at = 1 WHERE parent_id IS NOT NULL", "file.space_missing binding.dead"),
    ],
)
async def test_damage_in_the_catalog(house: House, statement: str, code: str) -> None:
    await house.send(BODY)
    house.damage(statement)
    assert sorted(await house.codes()) == sorted(code.split())


async def test_a_file_without_bytes_and_bytes_without_a_file(house: House) -> None:
    sent = await house.send(BODY)
    house.damage("DELETE FROM uploads")
    assert await house.codes() == []  # the record of a finished upload may go
    house.damage("UPDATE files SET content_id = NULL")
    found = {each.code: each for each in await house.examine()}
    assert found.keys() == {"content.unused", "file.content_missing", "quota.wrong"}
    assert await house.doctoring().mend(house.operator, found["content.unused"])
    content = await house.kade.catalog.read(lambda tx: tx.contents.get(sent.content_id))
    assert content is not None and content.state == "condemned"


async def test_an_erased_file_that_kept_its_bytes(house: House) -> None:
    await house.send(b"")
    house.damage("DELETE FROM uploads")
    house.damage("UPDATE files SET state = ?", FileState.ERASED)
    assert sorted(await house.codes()) == ["binding.dead", "content.unused", "file.state"]


async def test_what_arrives_by_no_upload(house: House) -> None:
    await house.send(BODY, length=len(BODY) + 1)
    house.damage("DELETE FROM uploads")
    findings = {each.code: each for each in await house.examine()}
    assert findings.keys() == {"content.abandoned", "file.stranded", "quota.wrong"}


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("UPDATE deliveries SET name_folded = 'other'", ["delivery.differs"]),
        ("UPDATE deliveries SET arrived_at = 1", ["delivery.differs"]),
        ("UPDATE deliveries SET state = 0", ["delivery.stranded"]),
    ],
)
async def test_deliveries_are_as_their_files(house: House, statement: str, codes: list[str]) -> None:
    def subscribe(tx: Tx) -> None:
        access.grant(tx, house.operator.principal_id, house.box, (Verb.SUBSCRIBE,))

    await house.kade.catalog.write(subscribe)
    upload = await house.send(b"delivered")

    def drop(tx: Tx) -> None:
        file = tx.files.get(upload.file_id)
        assert file is not None
        retention.take_step(tx, file)

    if codes == ["delivery.stranded"]:
        await house.kade.catalog.write(drop)
    assert "delivery" not in " ".join(await house.codes())
    house.damage(statement)
    assert [code for code in await house.codes() if code.startswith("delivery")] == codes


async def test_an_unused_segment_goes(house: House) -> None:
    await house.send(BODY)
    unused = new_id()
    house.damage("INSERT INTO segments VALUES (?, 0, 0)", unused)
    (house.segments / unused[-2:] / unused).write_bytes(b"")
    (finding,) = await house.examine()
    assert (finding.code, finding.subject) == ("segment.unused", unused)
    assert await house.doctoring().mend(house.operator, finding)
    assert not (house.segments / unused[-2:] / unused).exists()
    assert await house.examine() == []


async def test_an_abandoned_content_is_condemned(house: House) -> None:
    await house.send(BODY, length=len(BODY) + 1, kind=UploadKind.PARTIAL)
    house.damage("DELETE FROM uploads")
    for finding in await house.examine():
        assert await house.doctoring().mend(house.operator, finding)
    assert await house.examine() == []


@pytest.mark.parametrize("noun", list(Noun))
async def test_a_name_of_nothing(house: House, noun: Noun) -> None:
    binding = Binding("somewhere", noun, "", "key", new_id())
    await house.kade.catalog.write(lambda tx: tx.bindings.add(binding))
    (finding,) = await house.examine()
    assert (finding.code, finding.subject) == ("binding.dead", binding.object_id)
    assert await house.doctoring().mend(house.operator, finding)
    assert await house.examine() == []


async def test_quota_is_recounted(house: House) -> None:
    await house.send(BODY)
    house.damage("UPDATE quotas SET used = used + 7, reserved = 3 WHERE subject_id = ?", house.box)
    (finding,) = await house.examine()
    assert finding.detail == "used +7 bytes, reserved +3 bytes too many"
    assert await house.doctoring().mend(house.operator, finding)
    quota = await house.kade.catalog.read(lambda tx: tx.quotas.get(house.box))
    assert quota is not None
    assert (quota.used, quota.reserved, quota.ceiling) == (len(BODY), 0, 1 << 40)
    assert not await house.doctoring().mend(house.operator, finding)
    last = await house.kade.catalog.read(lambda tx: tx.journal.tail(tx.journal.last_position() - 1, 1))
    assert (last[0].kind, last[0].subject) == ("doctor.mended", house.box)


@pytest.mark.parametrize(
    ("statement", "flaw"),
    [
        ("UPDATE journal SET subject = 'x' WHERE position = 2", "what it says was changed"),
        ("UPDATE journal SET at = 5 WHERE position = 2", "the chain is broken"),
        ("DELETE FROM journal WHERE position = 2", "entries 2 to 2 are missing"),
    ],
)
async def test_the_journal_is_followed(house: House, statement: str, flaw: str) -> None:
    await house.send(b"more than two entries")
    house.damage(statement)
    (finding,) = await house.examine()
    assert (finding.code, finding.detail) == ("journal.flaw", flaw)


async def test_an_erased_detail_is_no_flaw(house: House) -> None:
    house.damage("UPDATE journal SET detail = NULL")
    verification = Verification()
    entries = await house.kade.catalog.read(verification.block)
    assert list(verification.follow(entries)) == []
    assert verification.position == len(entries) > 1


@pytest.mark.parametrize(
    ("ends_in", "found"),
    [
        (40 * DAY, []),
        (20 * DAY, [("warning", "certificate.expiring")]),
        (-1, [("info", "certificate.expired")]),
    ],
)
async def test_certificates_that_end(house: House, ends_in: int, found: list[tuple[str, str]]) -> None:
    def register(tx: Tx) -> None:
        user = principals.named(tx, house.operator, "haven")
        until = Millis(now() + ends_in)
        principals.register(tx, house.operator, user, CredentialKind.CERTIFICATE, "f" * 64, not_after=until)

    await house.kade.catalog.write(register)
    assert [(each.severity.value, each.code) for each in await house.examine()] == found


async def test_a_passing_suspicion_is_not_reported(house: House) -> None:
    """What looked wrong and was right at the second look came from reading while others write."""
    await house.send(BODY)
    house.damage("UPDATE quotas SET used = used + 7 WHERE subject_id = ?", house.box)
    seen: list[str] = []

    def put_right(what: str, _done: int) -> None:
        if what == "quotas":
            seen.append(what)
            house.damage("UPDATE quotas SET used = used - 7 WHERE subject_id = ?", house.box)

    doctoring = house.doctoring(progress=put_right)
    assert [each async for each in doctoring.examine()] == []
    assert seen == ["quotas"]


async def test_no_false_alarm_while_uploads_run(house: House) -> None:
    async def keep_sending(stop: asyncio.Event) -> int:
        count = 0
        while not stop.is_set():
            await house.send(BODY)
            count += 1
        return count

    stop = asyncio.Event()
    senders = [asyncio.create_task(keep_sending(stop)) for _ in range(3)]
    findings = [finding for _ in range(5) for finding in await house.examine()]
    stop.set()
    assert sum(await asyncio.gather(*senders)) > 3
    assert findings == []


async def test_more_than_a_page(house: House) -> None:
    """600 files are more than one page of everything."""

    def fill(tx: Tx) -> None:
        for number in range(600):
            wish = Wish(f"file-{number}", 0)
            uploads.begin(tx, house.partner, house.kade.namers, house.kade.rules, house.box, wish)

    await house.kade.catalog.write(fill)
    counts: dict[str, int] = {}
    doctoring = house.doctoring(progress=counts.__setitem__)
    assert [each async for each in doctoring.examine(digests=True)] == []
    assert counts["files"] == counts["contents"] == counts["uploads"] == counts["names of files"] == 600
    assert counts["digests"] == 600


async def test_a_policy_is_no_reason_to_worry(house: House) -> None:
    def change(tx: Tx) -> None:
        box = spaces.find(tx, house.operator, house.box)
        spaces.set_policy(tx, house.operator, box, replace(box.policy, trash_ms=DAY, digests=("md5",)))

    await house.kade.catalog.write(change)
    await house.send(BODY)
    assert await house.examine(digests=True) == []

"""Doctoring: proves that what is stored, what is known of it and what was written down agree.

It works beside a running server: everything is read in pages, in short transactions, and what looks wrong is
looked at once more, some time later, before it is reported. Memory does not grow with what is stored.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from kade.core.bindings import Noun
from kade.core.clock import Millis, now, to_iso
from kade.core.contents import Content, ContentState, Segment
from kade.core.errors import KadeError
from kade.core.events import Event
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, SegmentStore, Tx
from kade.core.principals import Caller, CredentialKind
from kade.services import files, soundness
from kade.services.digesting import Digesting
from kade.services.journal import Verification
from kade.services.soundness import Finding, Rule, Severity

EXPIRING_MS = 30 * 86_400_000  # a certificate that ends within this time is worth a warning
_PAGE = 500
_SUSPICIONS = 1000  # kept in memory before they are looked at again
_ID_DIGITS = 32
_TIME_DIGITS = 12  # of a UUIDv7 (RFC 9562, 5.7): milliseconds

Progress = Callable[[str, int], None]  # called with what is being checked, and how many are done
Examine = Callable[[Sequence[Id]], Awaitable[list[Finding]]]
Row = TypeVar("Row")

_RULES: dict[str, Rule] = {
    "segment": soundness.segment,
    "content": soundness.content,
    "quota": soundness.quota,
}
_NAMED: dict[Noun, Rule] = {
    Noun.FILE: soundness.named_file,
    Noun.SPACE: soundness.named_space,
    Noun.PRINCIPAL: soundness.named_principal,
    Noun.TASK: soundness.named_task,
}
_MENDABLE = (
    "segment.orphan",
    "segment.unused",
    "content.abandoned",
    "content.unused",
    "binding.dead",
    "quota.wrong",
)


class Doctoring:
    """Examines everything, and mends what can be mended without losing anything.

    A segment that no row knows counts as an orphan when it has not been touched for *grace_ms*: before, an
    upload may be writing it. *pause_s* lies between the two looks at something suspicious.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: SegmentStore,
        digesting: Digesting,
        grace_ms: int,
        *,
        pause_s: float = 1.0,
        progress: Progress = lambda _what, _done: None,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._digesting = digesting
        self._grace_ms = grace_ms
        self._pause_s = pause_s
        self._progress = progress

    async def examine(self, *, digests: bool = False) -> AsyncIterator[Finding]:
        """Everything that is wrong; with *digests* every stored byte is read again and compared."""
        # What comes while we look is not looked at: otherwise a busy server would keep us for ever.
        end = _youngest()
        stages: list[tuple[str, AsyncIterator[list[Id]], Examine]] = [
            ("segments", _pages(self._catalog, _segment_ids, end), self._examine_segments),
            ("segment files", self._stored_before(), self._examine_stored),
            ("contents", _pages(self._catalog, _content_ids, end), self._by(soundness.content)),
            ("files", _pages(self._catalog, _file_ids, end), self._by(soundness.file)),
            ("uploads", _pages(self._catalog, _upload_ids, end), self._by(soundness.upload)),
            ("quotas", self._quota_subjects(), self._by(soundness.quota)),
            *(
                (f"names of {noun.value}s", _pages(self._catalog, _bound(noun), end), self._by(rule))
                for noun, rule in _NAMED.items()
            ),
        ]
        if digests:
            live = _pages(self._catalog, _live_ids, end)
            stages.append(("digests", live, self._examine_digests))
        for what, pages, examine in stages:
            async for finding in self._stage(what, pages, examine):
                yield finding
        async for finding in self._journal():
            yield finding
        for finding in await self._catalog.read(_certificates):
            yield finding

    async def mend(self, caller: Caller, finding: Finding) -> bool:
        """Mend what was found, when that loses nothing and it is still so; whether it was done."""
        if finding.code not in _MENDABLE:
            return False
        if finding.code == "segment.orphan":
            return await self._drop_orphan(caller, Id(finding.subject))
        mended = await self._catalog.write(_mend, caller, finding)
        if mended and finding.code == "segment.unused":
            await self._store.delete(Id(finding.subject))
        return mended

    async def _stage(
        self, what: str, pages: AsyncIterator[list[Id]], examine: Examine
    ) -> AsyncIterator[Finding]:
        done = 0
        suspicions: list[Finding] = []
        async for page in pages:
            suspicions += await examine(page)
            done += len(page)
            self._progress(what, done)
            if len(suspicions) >= _SUSPICIONS:
                for finding in await self._confirmed(suspicions, examine):
                    yield finding
                suspicions = []
        for finding in await self._confirmed(suspicions, examine):
            yield finding

    async def _confirmed(self, suspicions: list[Finding], examine: Examine) -> list[Finding]:
        """Those that are found again, word for word, after a pause."""
        if not suspicions:
            return []
        await asyncio.sleep(self._pause_s)
        again = set(await examine([Id(subject) for subject in dict.fromkeys(s.subject for s in suspicions)]))
        return [finding for finding in suspicions if finding in again]

    def _by(self, rule: Rule) -> Examine:
        async def examine(ids: Sequence[Id]) -> list[Finding]:
            return await self._catalog.read(_apply, rule, ids)

        return examine

    async def _examine_segments(self, ids: Sequence[Id]) -> list[Finding]:
        """What a row says is on the disk is there. Bytes beyond it do not count: they are not committed."""
        findings = await self._catalog.read(_apply, soundness.segment, ids)
        for segment_id in ids:
            row = await self._catalog.read(_segment, segment_id)
            held = await self._store.length(segment_id)
            if row is None or (held is not None and held >= row.length):
                continue
            code = "segment.missing" if held is None else "segment.short"
            detail = f"{row.length} bytes were stored, {held or 0} are there"
            findings.append(Finding(Severity.ERROR, code, segment_id, detail))
        return findings

    async def _stored_before(self) -> AsyncIterator[list[Id]]:
        """The segments that are in the store and were not touched lately."""
        before = now() - self._grace_ms
        page: list[Id] = []
        async for segment_id, _length, changed in self._store.list():
            if changed < before:
                page.append(segment_id)
            if len(page) >= _PAGE:
                yield page
                page = []
        if page:
            yield page

    async def _examine_stored(self, ids: Sequence[Id]) -> list[Finding]:
        """What is stored is known."""
        unknown = await self._catalog.read(_unknown_segments, ids)
        findings = []
        for segment_id in unknown:
            if not _is_id(segment_id):
                detail = "among the segments lies something that is none"
                findings.append(Finding(Severity.WARNING, "segment.foreign", segment_id, detail))
            elif (held := await self._store.length(segment_id)) is not None:
                detail = f"{held} bytes that no row knows"
                findings.append(Finding(Severity.WARNING, "segment.orphan", segment_id, detail))
        return findings

    async def _quota_subjects(self) -> AsyncIterator[list[Id]]:
        subjects = await self._catalog.read(_quota_subjects)
        for first in range(0, len(subjects), _PAGE):
            yield subjects[first : first + _PAGE]

    async def _examine_digests(self, ids: Sequence[Id]) -> list[Finding]:
        findings = []
        for content_id in ids:
            content = await self._catalog.read(_content, content_id)
            if content is None or content.state != ContentState.LIVE or content.sha256 is None:
                continue
            try:
                read = await self._digesting.digest(content_id)
            except (KadeError, OSError, EOFError):
                continue  # it went meanwhile, or its segment did, which is found above
            findings += _digest_findings(content, read)
        return findings

    async def _journal(self) -> AsyncIterator[Finding]:
        last = await self._catalog.read(lambda tx: tx.journal.last_position())
        verification = Verification()
        while verification.position < last and (entries := await self._catalog.read(verification.block)):
            for position, flaw in verification.follow(entries):
                yield Finding(Severity.ERROR, "journal.flaw", str(position), flaw)
            self._progress("journal", verification.position)

    async def _drop_orphan(self, caller: Caller, segment_id: Id) -> bool:
        if not _is_id(segment_id) or not await self._catalog.read(_unknown_segments, [segment_id]):
            return False
        await self._store.delete(segment_id)
        await self._catalog.write(_note, caller, "segment.orphan", segment_id)
        return True


async def _pages(
    catalog: Catalog, page: Callable[[Tx, Id | None], tuple[list[Id], Id | None]], end: Id
) -> AsyncIterator[list[Id]]:
    """Ids in pages, by id, up to *end*."""
    after: Id | None = None
    while True:
        ids, after = await catalog.read(page, after)
        yield [each for each in ids if each < end]
        if after is None or after >= end:
            return


def _youngest() -> Id:
    """Above every id that was made until now, those of this millisecond too."""
    return Id(new_id()[:_TIME_DIGITS].ljust(_ID_DIGITS, "f"))


def _last(rows: Sequence[Id]) -> Id | None:
    return rows[-1] if len(rows) == _PAGE else None


def _segment_ids(tx: Tx, after: Id | None) -> tuple[list[Id], Id | None]:
    ids = [each.id for each in tx.segments.page(after, _PAGE)]
    return ids, _last(ids)


def _content_ids(tx: Tx, after: Id | None) -> tuple[list[Id], Id | None]:
    ids = [each.id for each in tx.contents.page(after, _PAGE)]
    return ids, _last(ids)


def _live_ids(tx: Tx, after: Id | None) -> tuple[list[Id], Id | None]:
    page = tx.contents.page(after, _PAGE)
    return [each.id for each in page if each.state == ContentState.LIVE], _last([each.id for each in page])


def _file_ids(tx: Tx, after: Id | None) -> tuple[list[Id], Id | None]:
    ids = [each.id for each in tx.files.page(after, _PAGE)]
    return ids, _last(ids)


def _upload_ids(tx: Tx, after: Id | None) -> tuple[list[Id], Id | None]:
    ids = [each.id for each in tx.uploads.page(after, _PAGE)]
    return ids, _last(ids)


def _bound(noun: Noun) -> Callable[[Tx, Id | None], tuple[list[Id], Id | None]]:
    def page(tx: Tx, after: Id | None) -> tuple[list[Id], Id | None]:
        ids = tx.bindings.bound(noun, after, _PAGE)
        return ids, _last(ids)

    return page


def _apply(tx: Tx, rule: Rule, ids: Iterable[Id]) -> list[Finding]:
    return [finding for each in ids for finding in rule(tx, each)]


def _segment(tx: Tx, segment_id: Id) -> Segment | None:
    return tx.segments.get(segment_id)


def _content(tx: Tx, content_id: Id) -> Content | None:
    return tx.contents.get(content_id)


def _unknown_segments(tx: Tx, ids: Iterable[Id]) -> list[Id]:
    return [each for each in ids if tx.segments.get(each) is None]


def _quota_subjects(tx: Tx) -> list[Id]:
    tenants = tx.tenants.all()
    return [
        *(tenant.id for tenant in tenants),
        *(space.id for tenant in tenants for space in tx.spaces.of_tenant(tenant.id)),
    ]


def _digest_findings(content: Content, read: dict[str, str]) -> list[Finding]:
    known = {"sha256": content.sha256, "md5": content.md5}
    return [
        Finding(Severity.ERROR, "content.digest", content.id, f"{name} was {value}, is {read[name]}")
        for name, value in known.items()
        if value is not None and value != read[name]
    ]


def _certificates(tx: Tx) -> list[Finding]:
    """Registered certificates that are over, or soon will be."""
    moment = now()
    findings = []
    for each in tx.credentials.in_force(CredentialKind.CERTIFICATE):
        if each.not_after is None or each.not_after > moment + EXPIRING_MS:
            continue
        over = each.not_after <= moment
        code = "certificate.expired" if over else "certificate.expiring"
        findings.append(
            Finding(
                Severity.INFO if over else Severity.WARNING,
                code,
                each.id,
                f"{each.label}: valid until {to_iso(Millis(each.not_after))}",
            )
        )
    return findings


def _mend(tx: Tx, caller: Caller, finding: Finding) -> bool:
    noun, subject = finding.code.partition(".")[0], Id(finding.subject)
    rules = list(_NAMED.values()) if noun == "binding" else [_RULES[noun]]
    if not any(finding in rule(tx, subject) for rule in rules):
        return False
    match finding.code:
        case "segment.unused":
            tx.segments.forget(subject)
        case "content.abandoned" | "content.unused":
            files.condemn_unused(tx, subject)
        case "binding.dead":
            for each in Noun:
                tx.bindings.remove(each, subject)
        case _:  # "quota.wrong", the last that is mendable
            _recount(tx, subject)
    _note(tx, caller, finding.code, subject)
    return True


def _recount(tx: Tx, subject: Id) -> None:
    """Set the books right; writing the ceiling first locks them until we are done."""
    books = tx.quotas.get(subject)
    assert books is not None
    tx.quotas.set_ceiling(subject, books.ceiling)
    tx.quotas.recount(subject, *tx.quotas.actual(subject))


def _note(tx: Tx, caller: Caller, code: str, subject: Id) -> None:
    tx.journal.append(Event.by(caller, "doctor.mended", subject, finding=code))


def _is_id(name: str) -> bool:
    return len(name) == _ID_DIGITS and all(digit in "0123456789abcdef" for digit in name)

"""Extracting: what is in files that are due to be read, into the catalog."""

import asyncio
import json
import re
from dataclasses import asdict, dataclass
from typing import NamedTuple

import structlog

from kade.core.clock import Millis, now
from kade.core.errors import KadeError, SourceReason
from kade.core.events import Event, Outcome
from kade.core.extraction import FAILURES, Extracted, Remark, RemarkKind
from kade.core.files import File
from kade.core.ports import Catalog, Extractor, Tx
from kade.core.readings import Reading, ReadingState
from kade.services.items import retry_at
from kade.services.spooling import Spool, Whereabouts, whereabouts

_log = structlog.get_logger("kade.services.extracting")
_LEASE_MS = 600_000  # how long a file is left alone by others while it is read
_AT_ONCE = 8
_ATTEMPTS = 2  # what stopped the extractor is tried once more: it may not have been that file's fault
_AGAIN_MS = 60_000
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Counts:
    """Words of a text, distinct ones among them (case apart), and their length on average, in characters."""

    words: int
    distinct: int
    word_length: int


class Job(NamedTuple):
    """A file that is to be read, and where its bytes are; None: nowhere."""

    reading: Reading
    file: File
    where: Whereabouts | None


class Extracting:
    """Reads files that are due, so long as they have at most *longest* bytes."""

    def __init__(self, catalog: Catalog, spool: Spool, extractor: Extractor, longest: int = 1 << 30) -> None:
        self._catalog = catalog
        self._spool = spool
        self._extractor = extractor
        self._longest = longest

    async def step(self) -> int:
        """Read some of those that are due; how many there were."""
        jobs = await self._catalog.write(_take)
        for job in jobs:
            extracted, error = await self._attempt(job)
            counts = await asyncio.to_thread(_count, extracted.text)
            await self._catalog.write(_keep, job, extracted, counts, error)
        return len(jobs)

    async def _attempt(self, job: Job) -> tuple[Extracted, str]:
        """What was found, and why nothing was, if the file could not be had."""
        if job.where is None:
            return Extracted(), "file.content_gone"
        if (job.file.length or 0) > self._longest:
            remark = Remark(RemarkKind.TOO_LARGE, length=job.file.length or 0)
            return Extracted(remarks=(remark,)), ""
        try:
            async with self._spool.lent(job.where, self._longest) as path:
                return await self._extractor.extract(path, job.file.name), ""
        except KadeError as error:
            if error.reason is SourceReason.TOO_LARGE:
                return Extracted(remarks=(Remark(RemarkKind.TOO_LARGE, kept=0),)), ""
            return Extracted(), str(error.reason)
        except OSError as error:
            _log.warning("a file could not be read", file=job.file.id, error=str(error))
            return Extracted(), "source.unreadable"
        except Exception:  # else those that were taken with it would wait for it for ever
            _log.exception("a file could not be read", file=job.file.id)
            return Extracted(), "request.unexpected"


def _take(tx: Tx) -> list[Job]:
    due = tx.readings.take_due(now(), Millis(now() + _LEASE_MS), _AT_ONCE)
    found = tx.files.get_many([each.file_id for each in due])
    return [Job(each, found[each.file_id], _whereabouts(tx, found[each.file_id])) for each in due]


def _whereabouts(tx: Tx, file: File) -> Whereabouts | None:
    try:
        return whereabouts(tx, file)
    except KadeError:
        return None


def _count(text: str) -> Counts:
    words = _WORD.findall(text)
    letters = sum(map(len, words))
    return Counts(
        len(words), len({word.casefold() for word in words}), round(letters / len(words)) if words else 0
    )


def _keep(tx: Tx, job: Job, extracted: Extracted, counts: Counts, error: str) -> None:
    """Write down what was found, unless the file is another one by now: then it is read again anyway."""
    current = tx.readings.lock(job.file.id)
    file = tx.files.get(job.file.id)
    if current is None or current.state != ReadingState.WAITING or file is None or not _same(tx, job, file):
        return
    stopped = any(each.kind in FAILURES for each in extracted.remarks)
    failed = stopped or bool(error)
    attempts = current.attempts + failed
    again = _again(attempts, error) if failed else None
    if again is not None:
        tx.readings.change(current._replace(attempts=attempts, due_at=again))
        return
    tx.readings.set_text(file.id, extracted.text)
    tx.readings.change(
        current._replace(
            state=ReadingState.FAILED if failed else ReadingState.DONE,
            attempts=attempts,
            kind=extracted.kind.value,
            media_type=extracted.media_type,
            title=extracted.title,
            author=extracted.author,
            properties=extracted.properties,
            attachments=json.dumps([asdict(each) for each in extracted.attachments], ensure_ascii=False),
            remarks=json.dumps([asdict(each) for each in extracted.remarks], ensure_ascii=False),
            kept=len(extracted.text),
            length=extracted.length,
            words=counts.words,
            distinct=counts.distinct,
            word_length=counts.word_length,
            read_at=now(),
            stamp=current.stamp + 1,
        )
    )
    if failed or extracted.remarks:
        tx.journal.append(_remarked(file, extracted, error, failed))


def _again(attempts: int, error: str) -> Millis | None:
    """When to try again: a place may be out of reach for hours."""
    if error:
        return retry_at(attempts)
    return Millis(now() + _AGAIN_MS) if attempts < _ATTEMPTS else None


def _same(tx: Tx, job: Job, file: File) -> bool:
    if job.file.content_id != file.content_id:
        return False
    if job.where is None or job.where.elsewhere is None:
        return True
    item = tx.items.get(file.id)
    return item is not None and item.signature == job.where.elsewhere[0].signature


def _remarked(file: File, extracted: Extracted, error: str, failed: bool) -> Event:
    kinds = sorted({each.kind.value for each in extracted.remarks})
    return Event(
        "file.reading_failed" if failed else "file.read_in_part",
        file.id,
        Outcome.FAILED if failed else Outcome.DONE,
        error or " ".join(kinds),
        tenant_id=file.tenant_id,
        detail={"name": file.name, "kept": len(extracted.text), "length": extracted.length},
    )

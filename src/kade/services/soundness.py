"""What must hold of every object in the catalog, as rules: each looks at one object and says what is wrong.

A rule sees one transaction. On PostgreSQL what other transactions commit meanwhile may show between two of
its statements, so whoever reports a finding asks the rule again first (``doctoring``).
"""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from kade.core.bindings import Noun
from kade.core.contents import Content, ContentState
from kade.core.deliveries import DeliveryState
from kade.core.files import File, FileState
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.uploads import UploadState
from kade.services.spaces import OCCUPIED


class Severity(StrEnum):
    """error: something was lost or is wrong; warning: something needs an eye; info: nothing is wrong."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(NamedTuple):
    """What is wrong with one subject; *code* is ``noun.what``."""

    severity: Severity
    code: str
    subject: str
    detail: str


Rule = Callable[[Tx, Id], list[Finding]]


def segment(tx: Tx, segment_id: Id) -> list[Finding]:
    """A segment that is known is used: an extent lies in it."""
    if tx.segments.get(segment_id) is None or tx.segments.in_use(segment_id):
        return []
    return [Finding(Severity.WARNING, "segment.unused", segment_id, "no content lies in it")]


def content(tx: Tx, content_id: Id) -> list[Finding]:
    """Somebody refers to it, and its extents hold exactly its bytes within what is committed."""
    found = tx.contents.get(content_id)
    if found is None:
        return []
    return [*_references(tx, found), *_bytes(tx, found)]


def file(tx: Tx, file_id: Id) -> list[Finding]:
    """A file that is there has its space, its content and its length; one that is arriving its upload.

    What is delivered of it is called and placed as it is, and available only while its bytes are.
    """
    found = tx.files.get(file_id)
    if found is None:
        return []
    return [*_place(tx, found), *_substance(tx, found), *_deliveries(tx, found)]


def upload(tx: Tx, upload_id: Id) -> list[Finding]:
    """The offset that clients are told is the length of what is committed."""
    found = tx.uploads.get(upload_id)
    if found is None:
        return []
    bytes_ = tx.contents.get(found.content_id)
    if bytes_ is None or bytes_.state == ContentState.CONDEMNED:
        return [_error("upload.content_missing", upload_id, f"its content {found.content_id} is not there")]
    if found.offset != bytes_.length:
        return [_error("upload.offset", upload_id, f"offset {found.offset}, stored {bytes_.length}")]
    if found.state == UploadState.FINISHED and bytes_.state != ContentState.LIVE:
        return [_error("upload.unsealed", upload_id, "finished, but its content is not")]
    return []


def quota(tx: Tx, subject_id: Id) -> list[Finding]:
    """The books of a space or tenant agree with its files and uploads.

    The detail says by how much they differ: under load both figures move, but what is wrong stays.
    """
    books = tx.quotas.get(subject_id)
    if books is None:
        return [_error("quota.missing", subject_id, "it has no books")]
    used, reserved = tx.quotas.actual(subject_id)
    if (books.used, books.reserved) == (used, reserved):
        return []
    detail = f"used {books.used - used:+d} bytes, reserved {books.reserved - reserved:+d} bytes too many"
    return [_error("quota.wrong", subject_id, detail)]


def named_file(tx: Tx, file_id: Id) -> list[Finding]:
    """A name leads to a file that is there or has left its record, or to what is being uploaded."""
    found = tx.files.get(file_id)
    alive = found is not None and found.state in (*OCCUPIED, FileState.GONE)
    return [] if alive or tx.uploads.of_file(file_id) else _dead(Noun.FILE, file_id)


def named_space(tx: Tx, space_id: Id) -> list[Finding]:
    """A name leads to a space that is there."""
    found = tx.spaces.get(space_id)
    return [] if found is not None and found.removed_at is None else _dead(Noun.SPACE, space_id)


def named_principal(tx: Tx, principal_id: Id) -> list[Finding]:
    """A name leads to a principal that is there."""
    found = tx.principals.get(principal_id)
    return [] if found is not None and found.removed_at is None else _dead(Noun.PRINCIPAL, principal_id)


def named_task(tx: Tx, task_id: Id) -> list[Finding]:
    """A name leads to a task that is there."""
    return [] if tx.tasks.get(task_id) is not None else _dead(Noun.TASK, task_id)


def _references(tx: Tx, content: Content) -> list[Finding]:
    in_files = bool(tx.files.of_content(content.id))
    if content.state == ContentState.CONDEMNED:
        lost = [_error("content.condemned", content.id, "condemned, but a file has it")]
        return lost if in_files else []
    expected = tx.uploads.expects(content.id)
    if content.state == ContentState.GROWING and not expected:
        return [_warning("content.abandoned", content.id, "unfinished, but no upload goes on with it")]
    return [] if in_files or expected else [_warning("content.unused", content.id, "nothing refers to it")]


def _bytes(tx: Tx, content: Content) -> list[Finding]:
    extents = tx.contents.extents(content.id)
    stored = sum(extent.length for extent in extents)
    if content.inline is not None:
        stored += len(content.inline)
    findings = []
    if stored != content.length:
        findings.append(
            _error("content.length", content.id, f"{content.length} bytes long, {stored} are stored")
        )
    for extent in extents:
        lies_in = tx.segments.get(extent.segment_id)
        end = extent.start + extent.length
        if lies_in is None or extent.start < 0 or extent.length < 1 or end > lies_in.length:
            held = "is unknown" if lies_in is None else f"holds {lies_in.length}"
            findings.append(
                _error(
                    "content.extent",
                    content.id,
                    f"bytes {extent.start} to {end} of segment {extent.segment_id}, which {held}",
                )
            )
    return findings


def _place(tx: Tx, file: File) -> list[Finding]:
    space = tx.spaces.get(file.space_id)
    if file.state not in OCCUPIED or (space is not None and space.removed_at is None):
        return []
    return [_error("file.space_missing", file.id, f"its space {file.space_id} is not there")]


def _substance(tx: Tx, file: File) -> list[Finding]:
    if file.state not in OCCUPIED:
        return [] if file.content_id is None else [_error("file.state", file.id, f"{file.state}, with bytes")]
    if file.content_id is None and tx.items.get(file.id) is not None:
        return []  # its bytes are kept elsewhere, or have not been read yet
    content = tx.contents.get(file.content_id) if file.content_id else None
    if content is None:
        return [_error("file.content_missing", file.id, f"its content {file.content_id} is not there")]
    if file.state == FileState.RECEIVING:
        arriving = tx.uploads.of_file(file.id) is not None
        return [] if arriving else [_error("file.stranded", file.id, "arriving, but by no upload")]
    if content.state == ContentState.GROWING:
        return [_error("file.incomplete", file.id, "live, but its content is unfinished")]
    if file.length != content.length:
        return [_error("file.length", file.id, f"{file.length} bytes long, its content {content.length}")]
    return []


def _deliveries(tx: Tx, file: File) -> list[Finding]:
    findings = []
    for each in tx.deliveries.of_file(file.id):
        told = (each.tenant_id, each.space_id, each.name_folded, each.arrived_at)
        if told != (file.tenant_id, file.space_id, file.name_folded, file.arrived_at):
            findings.append(
                _error("delivery.differs", file.id, f"to {each.subscriber_id}: not as the file is")
            )
        if each.state == DeliveryState.AVAILABLE and file.state != FileState.LIVE:
            findings.append(
                _error("delivery.stranded", file.id, f"to {each.subscriber_id}: the file is {file.state}")
            )
    return findings


def _dead(noun: Noun, object_id: Id) -> list[Finding]:
    return [_warning("binding.dead", object_id, f"a name leads to a {noun.value} that is not there")]


def _error(code: str, subject: str, detail: str) -> Finding:
    return Finding(Severity.ERROR, code, subject, detail)


def _warning(code: str, subject: str, detail: str) -> Finding:
    return Finding(Severity.WARNING, code, subject, detail)

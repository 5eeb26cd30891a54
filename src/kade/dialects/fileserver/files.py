"""Files as the applications' side sees them: by virtual path, over all boxes (spec 1.1)."""

from typing import NamedTuple

from kade.core.bindings import Noun
from kade.core.clock import to_iso
from kade.core.contents import Content, Extent
from kade.core.errors import FileReason, KadeError, UploadReason
from kade.core.events import Event
from kade.core.files import File, FileState, TimeFrame
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload
from kade.dialects.fileserver import boxes, users
from kade.dialects.fileserver.namer import INSTANCE
from kade.dialects.fileserver.wire import FileInfo
from kade.services import files, uploads
from kade.services.naming import Namers
from kade.services.receiving import Closing
from kade.services.uploads import Arrived, Rules, Wish

UNNAMED = "unnamed"  # the name of a file that came without one
_LISTED = (FileState.RECEIVING, FileState.HELD, FileState.LIVE)


class Found(NamedTuple):
    """A complete file with its bytes and the number of the user whose it is."""

    path: str
    file: File
    content: Content
    extents: list[Extent]
    user_id: int


def find(tx: Tx, caller: Caller, path: str) -> Found:
    """The complete file of that path; its time frame is for partners and does not count here (spec 1.1).

    Raises:
        KadeError: ``FileReason.UNKNOWN``; ``INCOMPLETE`` while its bytes are arriving.
    """
    file = _entry(tx, caller, path, Verb.READ)
    if file.state != FileState.LIVE:
        raise KadeError(FileReason.INCOMPLETE, file.id)
    content = files.content_of(tx, file)
    user_id = users.number_of_box(tx, file.space_id)
    assert user_id is not None
    return Found(path, file, content, tx.contents.extents(content.id), user_id)


def paths(tx: Tx, caller: Caller) -> list[str]:
    """The path of every file in reach, incomplete ones too, ascending."""
    found = files.list_in_reach(tx, caller, _LISTED)
    return sorted(tx.bindings.keys_of(INSTANCE, Noun.FILE, [file.id for file in found]).values())


def info(found: Found) -> FileInfo:
    """What the service tells of a file whose content has both checksums."""
    file, content = found.file, found.content
    assert content.md5 is not None and content.sha256 is not None
    return FileInfo(
        path=found.path,
        name=file.name,
        content_type=file.media_type,
        md5_checksum=content.md5.upper(),
        sha256_checksum=content.sha256.upper(),
        timestamp=to_iso(file.created_at),
        start_date=to_iso(file.valid_from) if file.valid_from is not None else None,
        end_date=to_iso(file.valid_until) if file.valid_until is not None else None,
        user_id=found.user_id,
        length=content.length,
        last_modified=to_iso(content.changed_at),
    )


def begin(
    tx: Tx, caller: Caller, namers: Namers, rules: Rules, number: str, name: str, media_type: str | None
) -> tuple[Upload, str]:
    """Open an upload of unknown length into a user's box, and the path that the file will have.

    Raises:
        KadeError: ``PrincipalReason.UNKNOWN``, a bad name or media type.
    """
    partner = users.find(tx, caller, number)
    wish = Wish(name, None, media_type)
    upload = uploads.begin(tx, caller, namers, rules, boxes.of_partner(tx, partner.id), wish)
    path = tx.bindings.key_of(INSTANCE, Noun.FILE, upload.file_id)
    assert path is not None
    return upload, path


def closing(tx: Tx, upload: Upload, arrived: Arrived, sha256: str | None, frame: TimeFrame) -> None:
    """Check the bytes that arrived against the checksum that was given, and set the file's time frame.

    Raises:
        KadeError: ``FileReason.CHECKSUM_MISMATCH``.
    """
    if sha256 is not None and arrived.sha256 != sha256:
        raise KadeError(FileReason.CHECKSUM_MISMATCH, upload.file_id)
    file = tx.files.get(upload.file_id)
    if file is None:
        raise KadeError(FileReason.UNKNOWN, upload.file_id)
    if frame != TimeFrame():
        files.change(tx, file, valid_from=frame.start, valid_until=frame.end)


def closing_with(sha256: str | None, frame: TimeFrame) -> Closing:
    """``closing`` for what is known from the start."""
    return lambda tx, upload, arrived: closing(tx, upload, arrived, sha256, frame)


def upload_behind(tx: Tx, caller: Caller, path: str) -> Upload:
    """The upload that still fills the file of that path.

    Raises:
        KadeError: ``UploadReason.UNKNOWN`` when none does.
    """
    file = _entry(tx, caller, path, Verb.REMOVE)
    upload = tx.uploads.of_file(file.id) if file.state == FileState.RECEIVING else None
    if upload is None:
        raise KadeError(UploadReason.UNKNOWN, file.id)
    return upload


def delete(tx: Tx, caller: Caller, path: str, force: bool) -> bool:
    """Remove the file, complete or not; whether its bytes go now.

    They stay for a while where its space keeps trash, unless *force* is set.

    Raises:
        KadeError: ``FileReason.UNKNOWN``.
    """
    file = _entry(tx, caller, path, Verb.REMOVE)
    if file.state == FileState.RECEIVING:
        _give_up(tx, caller, upload_behind(tx, caller, path))
        return True
    return files.purge(tx, caller, file) if force else files.remove(tx, caller, file)


def _give_up(tx: Tx, caller: Caller, upload: Upload) -> None:
    uploads.discard(tx, upload)
    tx.journal.append(Event.by(caller, "upload.terminated", upload.id, file=upload.file_id))


def _entry(tx: Tx, caller: Caller, path: str, verb: Verb) -> File:
    file_id: Id | None = tx.bindings.object_of(INSTANCE, Noun.FILE, path)
    return files.find(tx, caller, file_id, verb, _LISTED)

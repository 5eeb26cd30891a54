"""Files made of parts: joined in a given order (tus concatenation), or assembled by the parts' positions.

Parts are uploads of their own, received like any other; joining them copies no byte.
"""

from collections.abc import Sequence
from dataclasses import replace

from kade.core.errors import KadeError, UploadReason
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.services import spaces, uploads
from kade.services.naming import Namers
from kade.services.uploads import Rules, Wish


def begin_final(
    tx: Tx, caller: Caller, namers: Namers, rules: Rules, space_id: Id, wish: Wish, part_ids: Sequence[Id]
) -> Upload:
    """Open the upload that joins parts (tus concatenation); it is finished at once when all of them are.

    Raises:
        KadeError: ``UploadReason.NOT_A_PART`` when one is not a partial upload of the caller in that
            space; ``MAX_SIZE``.
    """
    locked = {part_id: _lock_part(tx, caller, space_id, part_id) for part_id in sorted(set(part_ids))}
    parts = [locked[part_id] for part_id in part_ids]
    if not parts:
        raise KadeError(UploadReason.NOT_A_PART)
    lengths = [part.length for part in parts]
    total = None if None in lengths else sum(length or 0 for length in lengths)
    space = spaces.find(tx, caller, space_id, Verb.WRITE)
    uploads.check_size(rules, space, total)
    joined = replace(wish, length=total)
    final = uploads.open_final(tx, caller, namers, rules, space, joined, UploadState.JOINING)
    tx.uploads.add_parts(final.id, part_ids)
    uploads.join_when_ready(tx, caller, rules, final.id)
    return tx.uploads.get(final.id) or final


def begin_assembly(tx: Tx, caller: Caller, namers: Namers, rules: Rules, space_id: Id, wish: Wish) -> Upload:
    """Open the upload of a file whose parts come in any order: ``place`` each, then ``assemble``.

    Raises as ``uploads.begin`` does.
    """
    space = spaces.find(tx, caller, space_id, Verb.WRITE)
    return uploads.open_final(tx, caller, namers, rules, space, wish, UploadState.OPEN)


def begin_part(tx: Tx, caller: Caller, namers: Namers, rules: Rules, assembly: Upload) -> Upload:
    """Open the upload of a part, of a length that its body will show.

    Raises:
        KadeError: ``UploadReason.UNKNOWN`` or ``FINISHED`` for the assembly; what ``uploads.begin`` raises.
    """
    current = _locked(tx, caller, assembly.id)
    wish = Wish("part", None, kind=UploadKind.PARTIAL)
    return uploads.begin(tx, caller, namers, rules, current.space_id, wish)


def place(tx: Tx, caller: Caller, rules: Rules, assembly: Upload, position: int, part: Upload) -> None:
    """Let a part that has all its bytes be the one at *position* (from 0), instead of an earlier one.

    Raises:
        KadeError: ``UploadReason.UNKNOWN`` or ``FINISHED`` for the assembly; ``MAX_SIZE`` when its parts
            together are too large.
    """
    current = _locked(tx, caller, assembly.id)
    replaced = tx.uploads.put_part(current.id, position, part.id)
    if replaced is not None and (old := tx.uploads.get(replaced)) is not None:
        uploads.discard(tx, old)
    tx.uploads.set_expiry(current.id, uploads.expiry(rules))
    space = tx.spaces.get(current.space_id)
    assert space is not None
    uploads.check_size(rules, space, tx.uploads.placed(current.id))


def assemble(tx: Tx, caller: Caller, rules: Rules, assembly: Upload) -> int:
    """Make the file of its parts and let it go live; how many parts it has. Done again, it changes nothing.

    Raises:
        KadeError: ``UploadReason.UNKNOWN``; ``PARTS_MISSING`` when a position before the last has no part,
            or none has.
    """
    current = _own(tx, caller, assembly.id)
    positions = tx.uploads.positions(current.id)
    if current.state == UploadState.FINISHED:
        return len(positions)
    missing = next((at for at, each in enumerate(positions) if at != each), None)
    parts = [part for part_id in tx.uploads.parts(current.id) if (part := tx.uploads.get(part_id))]
    if missing is not None or not parts or len(parts) < len(positions):
        raise KadeError(UploadReason.PARTS_MISSING, current.id, position=missing or 0)
    tx.uploads.join(current.id)
    uploads.join_when_ready(tx, caller, rules, current.id)
    for part in parts:
        uploads.discard(tx, part)
    return len(parts)


def _locked(tx: Tx, caller: Caller, upload_id: Id) -> Upload:
    """The open assembly: of two that change it together, the second sees what the first did."""
    current = _own(tx, caller, upload_id)
    if current.state != UploadState.OPEN:
        raise KadeError(UploadReason.FINISHED, upload_id)
    return current


def _own(tx: Tx, caller: Caller, upload_id: Id) -> Upload:
    """The caller's assembly, locked, open or not."""
    current = uploads.own(caller, tx.uploads.lock(upload_id), upload_id)
    if current.kind != UploadKind.FINAL:
        raise KadeError(UploadReason.UNKNOWN, upload_id)
    return current


def _lock_part(tx: Tx, caller: Caller, space_id: Id, part_id: Id) -> Upload:
    """The part, locked: it finishes either before the final upload is written, or after and sees it."""
    part = tx.uploads.lock(part_id)
    if (
        part is None
        or part.principal_id != caller.principal_id
        or part.space_id != space_id
        or part.kind != UploadKind.PARTIAL
    ):
        raise KadeError(UploadReason.NOT_A_PART, part_id)
    return part

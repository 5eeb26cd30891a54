"""Files made of parts: joined in a given order (tus concatenation), or assembled by the parts' positions.

Parts are uploads of their own, received like any other; joining them copies no byte.
"""

from collections.abc import Sequence
from dataclasses import replace

from kade.core.errors import KadeError, RequestReason, UploadReason
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.services import spaces, uploads
from kade.services.naming import Namers
from kade.services.uploads import Rules, Wish

MOST_PARTS = 10_000  # of one assembly: they are joined in one transaction


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

    How long the file is, its parts say. Raises as ``uploads.begin`` does.
    """
    space = spaces.find(tx, caller, space_id, Verb.WRITE)
    unmeasured = replace(wish, length=None)
    return uploads.open_final(tx, caller, namers, rules, space, unmeasured, UploadState.OPEN)


def begin_part(tx: Tx, caller: Caller, namers: Namers, rules: Rules, assembly: Upload) -> Upload:
    """Open the upload of a part, of a length that its body will show.

    Raises:
        KadeError: ``UploadReason.UNKNOWN`` or ``FINISHED`` for the assembly; what ``uploads.begin`` raises.
    """
    current = _open(tx, caller, assembly.id)
    wish = Wish("part", None, kind=UploadKind.PARTIAL)
    return uploads.begin(tx, caller, namers, rules, current.space_id, wish)


def place(tx: Tx, caller: Caller, rules: Rules, assembly: Upload, position: int, part: Upload) -> None:
    """Let a part that has all its bytes be the one at *position*, instead of an earlier one.

    Positions go from 0 to 9,999. Once more with the same part is harmless.

    Raises:
        KadeError: ``UploadReason.UNKNOWN`` or ``FINISHED`` for the assembly; ``NOT_A_PART`` when the part is
            not the caller's or is gone; ``MAX_SIZE`` when its parts together are too large;
            ``RequestReason.BAD_VALUE`` for a position that no part can have.
    """
    if not 0 <= position < MOST_PARTS:
        raise KadeError(RequestReason.BAD_VALUE, "position")
    current = _open(tx, caller, assembly.id)
    _lock_part(tx, caller, current.space_id, part.id)
    replaced = tx.uploads.put_part(current.id, position, part.id)
    if replaced is not None and replaced != part.id and (old := tx.uploads.get(replaced)) is not None:
        uploads.discard(tx, old)
    tx.uploads.set_expiry(current.id, uploads.expiry(rules))
    space = tx.spaces.get(current.space_id)
    assert space is not None
    uploads.check_size(rules, space, tx.uploads.placed(current.id))


def assemble(tx: Tx, caller: Caller, rules: Rules, assembly: Upload) -> int:
    """Make the file of its parts and let it go live; how many parts it has. Done again, it changes nothing.

    Raises:
        KadeError: ``UploadReason.UNKNOWN``; ``PARTS_MISSING`` when a position before the last has no part
            with all its bytes, or none has; what ``uploads.finish`` raises.
    """
    current = _locked(tx, caller, assembly.id)
    positions = tx.uploads.positions(current.id)
    if current.state == UploadState.FINISHED:
        return len(positions)
    placed = dict(zip(positions, map(tx.uploads.get, tx.uploads.parts(current.id)), strict=True))
    whole = {at: part for at, part in placed.items() if part and part.state == UploadState.FINISHED}
    missing = next((at for at in range(len(positions) or 1) if at not in whole), None)
    if missing is not None:
        raise KadeError(UploadReason.PARTS_MISSING, current.id, position=missing)
    tx.uploads.join(current.id)
    uploads.join_when_ready(tx, caller, rules, current.id)
    for part in whole.values():
        uploads.discard(tx, part)
    return len(whole)


def _locked(tx: Tx, caller: Caller, upload_id: Id) -> Upload:
    """The assembly: of two that change it together, the second sees what the first did."""
    current = uploads.own(caller, tx.uploads.lock(upload_id), upload_id)
    if current.kind != UploadKind.FINAL or current.state == UploadState.JOINING:
        raise KadeError(UploadReason.UNKNOWN, upload_id)
    return current


def _open(tx: Tx, caller: Caller, upload_id: Id) -> Upload:
    current = _locked(tx, caller, upload_id)
    if current.state != UploadState.OPEN:
        raise KadeError(UploadReason.FINISHED, upload_id)
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

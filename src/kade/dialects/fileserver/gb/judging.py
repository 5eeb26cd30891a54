"""Judging a request: is every file it names here, and is it what was said (GB014, GB015)?

A file that was put as it is gets the name and the type that the message gives it. One that was put in parts
or packed is joined or unpacked into a new file at the place of its name, and what it was made of goes. That
file keeps a receipt of what it was made by, so the same message gets the same answer again.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Sequence
from typing import NamedTuple

from kade.core.errors import Code, KadeError, UploadReason
from kade.core.events import Event
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.dialects.fileserver import boxes, users
from kade.dialects.fileserver.gb import places
from kade.dialects.fileserver.gb.assembling import Assembling, Recipe, accept
from kade.dialects.fileserver.gb.places import Place
from kade.dialects.fileserver.gb.splitzip import UnsupportedZip, ZipError
from kade.dialects.fileserver.gb.volumes import Put
from kade.dialects.fileserver.settings import Settings
from kade.services import access
from kade.web.dialect import Kit
from kade.web.grote_berichten.checksums import ALGORITHMS
from kade.web.grote_berichten.messages import (
    OK,
    Claim,
    Compression,
    Judged,
    Message,
    Reference,
    Status,
    Verdict,
)

_NOT_FOUND = Verdict(Status.FILE_NOT_FOUND)
_VOLUME = re.compile(r"\.z(?:(\d{2,})|ip)$", re.IGNORECASE)
_NOT_ABOUT_THE_FILE = (Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.UNAVAILABLE, Code.INTERNAL)


class _Box(NamedTuple):
    """Whose files are judged, and by whose right."""

    caller: Caller
    number: str
    id: Id


class Judge:
    """Answers requests."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings
        self._assembling = Assembling(kit, settings.zip_ratio)

    async def answer(self, caller: Caller, number: str, message: Message) -> list[Judged]:
        """A judgement of each reference, one after the other.

        Raises:
            KadeError: ``PrincipalReason.UNKNOWN`` for a user that is not there, ``VERB_NOT_GRANTED`` when the
                caller may not read, write and remove in the user's box.
        """
        box = _Box(caller, number, await self._kit.catalog.read(_find_box, caller, number))
        return [await self._judge(box, reference) for reference in message.references]

    async def _judge(self, box: _Box, reference: Reference) -> Judged:
        place = self._told(box, reference.url)
        if place is None:
            judged = Judged(reference, _NOT_FOUND, (_NOT_FOUND,) * len(reference.parts))
        elif reference.parts or reference.compression is Compression.ZIP4J:
            judged = await self._assembled(box, place, reference)
        else:
            judged = Judged(reference, await _told(self._as_it_is(box, place, reference)), ())
        status = judged.verdict.status.value
        name = reference.whole.name[:200]
        self._kit.audit.note(Event.by(box.caller, "reference.judged", box.id, name=name, status=status))
        return judged

    async def _as_it_is(self, box: _Box, place: Place, reference: Reference) -> Verdict:
        put = await self._kit.catalog.read(_put, box.caller, place)
        verdict = await self._check(put, reference.whole)
        if put is not None and verdict == OK:
            name, media_type = reference.whole.name, reference.media_type
            await self._kit.catalog.write(accept, box.caller, put, name, media_type)
        return verdict

    async def _assembled(self, box: _Box, place: Place, reference: Reference) -> Judged:
        target = place.beside(reference.whole.name)
        if target is None:
            bad = Verdict(Status.UNKNOWN_ERROR, "file.bad_name")
            return Judged(reference, bad, (_NOT_FOUND,) * len(reference.parts))
        recipe = Recipe(target, reference.whole, reference.media_type, _receipt(place, reference))
        done = Judged(reference, OK, (OK,) * len(reference.parts))
        if await self._kit.catalog.read(_delivered, box.caller, recipe):
            return done
        judged = await self._assembled_now(box, place, reference, recipe)
        if judged.verdict != OK and await self._kit.catalog.read(_delivered, box.caller, recipe):
            return done  # the same message came twice at once, and the other one was faster
        return judged

    async def _assembled_now(self, box: _Box, place: Place, reference: Reference, recipe: Recipe) -> Judged:
        sources = [place.beside(claim.name) for claim in reference.parts] or [place]
        puts = [await self._kit.catalog.read(_put, box.caller, each) for each in sources]
        parts = [
            await _told(self._check(put, claim)) for put, claim in zip(puts, reference.parts, strict=False)
        ]
        verdict = next((each for each in parts if each != OK), None)
        found = [put for put in puts if put is not None]
        if verdict is None and len(found) < len(puts):
            verdict = _NOT_FOUND
        if verdict is None:
            ordered = [found[number] for number in _in_order(reference)] if reference.parts else found
            verdict = await _told(self._make(box.caller, ordered, recipe, reference))
        return Judged(reference, verdict, tuple(parts))

    async def _make(
        self, caller: Caller, puts: Sequence[Put], recipe: Recipe, reference: Reference
    ) -> Verdict:
        if recipe.claim.kind not in self._settings.push_checksums:
            return Verdict(Status.CHECKSUM_TYPE_NOT_SUPPORTED)
        try:
            if reference.compression is Compression.ZIP4J:
                return await self._assembling.unpack(caller, puts, recipe)
            return await self._assembling.join(caller, puts, recipe)
        except UnsupportedZip:
            return Verdict(Status.COMPRESSION_NOT_SUPPORTED)
        except ZipError:
            return Verdict(Status.DECOMPRESSION_ERROR)

    async def _check(self, put: Put | None, claim: Claim) -> Verdict:
        """What can be said of one file as it was put."""
        if put is None:
            return _NOT_FOUND
        if claim.kind not in self._settings.push_checksums:
            return Verdict(Status.CHECKSUM_TYPE_NOT_SUPPORTED)
        if put.content.length != claim.size:
            return Verdict(Status.INCORRECT_FILE_SIZE)
        digest = await self._kit.digesting.hexdigest(put.content.id, ALGORITHMS[claim.kind])
        return OK if digest == claim.checksum.lower() else Verdict(Status.CHECKSUM_ERROR)

    def _told(self, box: _Box, url: str) -> Place | None:
        public = self._settings.base_url.rstrip("/")
        base = public or self._kit.bases["exchange"] + self._settings.path
        return places.told(url, base, box.number, box.id, host_counts=bool(public))


async def _told(work: Awaitable[Verdict]) -> Verdict:
    """What *work* says; of a refusal, its reason."""
    try:
        return await work
    except KadeError as error:
        if error.code in _NOT_ABOUT_THE_FILE:
            raise
        if error.reason is UploadReason.CHECKSUM_MISMATCH:
            return Verdict(Status.CHECKSUM_ERROR)
        return Verdict(Status.UNKNOWN_ERROR, str(error.reason))


def _find_box(tx: Tx, caller: Caller, number: str) -> Id:
    box = boxes.of_partner(tx, users.find(tx, caller, number).id)
    for verb in (Verb.READ, Verb.WRITE, Verb.REMOVE):
        access.require(tx, caller, verb, box)
    return box


def _put(tx: Tx, caller: Caller, place: Place | None) -> Put | None:
    file = places.find(tx, caller, place) if place is not None else None
    return Put.of(tx, file) if file is not None else None


def _delivered(tx: Tx, caller: Caller, recipe: Recipe) -> bool:
    file = places.find(tx, caller, recipe.target)
    return file is not None and file.annotations == recipe.receipt


def _receipt(place: Place, reference: Reference) -> str:
    """By which the file is known that this reference, and no other, was made into."""
    told: list[object] = [place.folder, "" if reference.parts else place.name, reference.compression]
    told += [reference.media_type, reference.whole, reference.parts]
    return json.dumps({"gb-receipt": hashlib.sha256(json.dumps(told).encode()).hexdigest()})


def _in_order(reference: Reference) -> list[int]:
    """The numbers of the parts in the order of the bytes: volumes of an archive by their extensions."""
    numbers = list(range(len(reference.parts)))
    found = [_VOLUME.search(part.name) for part in reference.parts]
    if reference.compression is Compression.NONE or None in found:
        return numbers
    by_extension = {
        number: (each[1] is None, int(each[1] or 0))
        for number, each in zip(numbers, found, strict=True)
        if each
    }
    return sorted(numbers, key=by_extension.__getitem__)

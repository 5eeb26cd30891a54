"""Where partners put files: ``<path>/gb/<user number>/<key>``, a place of the partner's own for each key.

A key is one to four segments of letters, digits, ``.``, ``_`` and ``-`` (MD007), parted by slashes; the
last one is the file's name until a message gives it another. The user's number makes the URL unique (MD002).
The name of a place is a binding of this module's own instance, in the scope of the partner's box.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from kade.core.bindings import Noun
from kade.core.errors import AccessReason, FileReason, KadeError
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.dialects.fileserver import boxes
from kade.dialects.fileserver.namer import INSTANCE
from kade.services import files
from kade.services.naming import bind

PLACES = f"{INSTANCE}.gb"
SEGMENT = "gb"
_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}")
_MOST_SEGMENTS = 4
_PORTS = {"https": 443, "http": 80}


class Place(NamedTuple):
    """One URL of one partner; *folder* is empty or ends with a slash."""

    box: Id
    folder: str
    name: str

    @property
    def key(self) -> str:
        return self.folder + self.name

    def beside(self, name: str) -> "Place | None":
        """The place of that name in the same folder; None when it may not be a name."""
        return self._replace(name=name) if is_name(name) else None


def is_name(text: str) -> bool:
    """Whether a file may bear this name in a message: at most 200 of the characters of MD007."""
    return _NAME.fullmatch(text) is not None


def own(tx: Tx, caller: Caller, number: str, key: str) -> Place:
    """The place that a partner asks for.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED`` when *number* is not the partner's own (GB010), the same
            for one that nobody has; ``FileReason.BAD_NAME``.
    """
    if tx.bindings.key_of(INSTANCE, Noun.PRINCIPAL, caller.principal_id) != number:
        raise KadeError(AccessReason.VERB_NOT_GRANTED, number[:20])
    folder, name = _split(key)
    if not is_name(name):
        raise KadeError(FileReason.BAD_NAME, ascii(key[:80]))
    return Place(boxes.of_partner(tx, caller.principal_id), folder, name)


def told(url: str, base_url: str, number: str, box: Id, *, host_counts: bool) -> Place | None:
    """The place that a ``receiverUrl`` names, with an empty name for a folder; None when it is not below the
    partner's own.

    *host_counts*: whether scheme, host and port must be those of *base_url*, too; without a public address
    of our own we know only paths.
    """
    try:
        there, here = urlsplit(url.strip()), urlsplit(base_url)
        if there.scheme != "https" or there.query or there.fragment or there.username is not None:
            return None
        if host_counts and (there.hostname, there.port or _PORTS["https"]) != (
            here.hostname,
            here.port or _PORTS.get(here.scheme),
        ):
            return None
        path = unquote(there.path, errors="strict")
    except ValueError:
        return None
    prefix = f"{here.path}/{SEGMENT}/{number}/"
    if not path.startswith(prefix):
        return None
    try:
        folder, name = _split(path.removeprefix(prefix))
    except KadeError:
        return None
    return Place(box, folder, name) if not name or is_name(name) else None


def find(tx: Tx, caller: Caller, place: Place, verb: Verb = Verb.READ) -> File | None:
    """The live file at the place; None when none was put there, or it went since."""
    file_id = tx.bindings.object_of(PLACES, Noun.FILE, place.key, place.box)
    try:
        return files.find(tx, caller, file_id, verb) if file_id is not None else None
    except KadeError:
        return None


def settle(tx: Tx, caller: Caller, place: Place, file_id: Id) -> bool:
    """Let the file have the place from now on; whether another one had it, which is removed (GB016).

    Raises:
        KadeError: ``FileReason.WRONG_STATE`` when somebody else takes the place at the same moment.
    """
    before = tx.bindings.object_of(PLACES, Noun.FILE, place.key, place.box)
    if before == file_id:
        return True
    if before is not None:
        tx.bindings.release(PLACES, Noun.FILE, before)
        old = tx.files.get(before)
        if old is not None and old.state == FileState.LIVE:
            files.remove(tx, caller, old)
    try:
        bind(tx, PLACES, Noun.FILE, place.key, file_id, place.box)
    except KeyError as error:
        raise KadeError(FileReason.WRONG_STATE, file_id) from error
    return before is not None


def _split(key: str) -> tuple[str, str]:
    """Folder and name of a key. Raises KadeError(FileReason.BAD_NAME)."""
    *above, name = key.split("/")
    if len(above) >= _MOST_SEGMENTS or not all(is_name(each) for each in above):
        raise KadeError(FileReason.BAD_NAME, ascii(key[:80]))
    return "".join(f"{each}/" for each in above), name

"""Names of files in references: unique among all that one partner is told of (MD007).

A file gets its name when it is first referred to, and keeps it: a binding of an instance of its own, in the
scope of the space. The first of a name has it as it is; another one gets a number before the extension.
"""

from kade.core.bindings import Noun
from kade.core.files import File
from kade.core.ports import Catalog, Tx
from kade.services.naming import bind
from kade.web.grote_berichten.references import file_name

_LIMIT = 200
_ATTEMPTS = 5


async def name_of(catalog: Catalog, instance: str, file: File) -> str:
    """The file's name in the references of *instance*."""
    names = f"{instance}.references"
    known = await catalog.read(_known, names, file)
    attempts = 0
    while known is None:
        attempts += 1
        try:
            known = await catalog.write(_choose, names, file)
        except KeyError:  # another file, or this one, was named at the same moment
            if attempts == _ATTEMPTS:
                raise
    return known


def _known(tx: Tx, names: str, file: File) -> str | None:
    return tx.bindings.key_of(names, Noun.FILE, file.id)


def _choose(tx: Tx, names: str, file: File) -> str:
    """Raises KeyError when somebody else was faster."""
    known = _known(tx, names, file)
    if known is not None:
        return known
    wanted = name = file_name(file.name)
    while tx.bindings.object_of(names, Noun.FILE, name, file.space_id) is not None:
        # Numbers of a name are never issued twice, so a search is short however many files bear it.
        number = tx.bindings.next_number(names, Noun.FILE, f"{file.space_id}/{wanted}") + 2
        name = _numbered(wanted, number)
    bind(tx, names, Noun.FILE, name, file.id, file.space_id)
    return name


def _numbered(name: str, number: int) -> str:
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > 20:
        stem, dot, extension = name, "", ""
    tail = f"-{number}{dot}{extension}"
    return stem[: _LIMIT - len(tail)] + tail

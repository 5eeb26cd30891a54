"""Publications: the files that the caller itself brought, where it may publish still."""

from dataclasses import replace

from kade.core.clock import now
from kade.core.errors import FileReason, KadeError
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.query import Page, Query
from kade.services import files


def spaces(tx: Tx, caller: Caller) -> dict[int, Id]:
    """The numbered spaces of the caller's tenant that it may publish in now, by number."""
    return tx.grants.numbered(caller.principal_id, caller.tenant_id, Verb.WRITE, now())


def page(tx: Tx, caller: Caller, query: Query) -> Page[File]:
    """What the caller published, as *query* asks; its spaces must be the caller's."""
    return tx.files.created(caller.principal_id, replace(query, tenant_id=caller.tenant_id))


def readable(tx: Tx, caller: Caller, file_id: Id) -> File:
    """A live file of the caller's own.

    Raises:
        KadeError: ``FileReason.UNKNOWN``, the same for a file that is not there and for another's.
    """
    file = files.find(tx, caller, file_id, Verb.WRITE, (FileState.LIVE,))
    if file.created_by != caller.principal_id or file.origin_id is not None:
        raise KadeError(FileReason.UNKNOWN, file_id)
    return file

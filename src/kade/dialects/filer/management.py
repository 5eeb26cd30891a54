"""Ours: ``POST /FileGroup/Add/`` and ``DELETE /FileGroup/Delete/``, as codes 115 to 126 imply (spec 2(b)).

The original's own requests for that are not public; their parameters here are documented in this folder's
README.
"""

from dataclasses import dataclass, replace
from typing import Any

from kade.core.customers import FileGroup, GroupSettings
from kade.core.errors import KadeError
from kade.core.names import fold
from kade.core.ports import Tx
from kade.core.sources import Installation, Method, Service, Source
from kade.dialects.filer import paths
from kade.dialects.filer.codes import FilerReason, Remark, refusal
from kade.dialects.filer.door import Notes, Visit
from kade.dialects.filer.parameters import Parameters, is_all
from kade.services import groups, sources
from kade.services.naming import Namers

Reply = dict[str, Any]
_DAY_MS = 86_400_000
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a request says of a group."""

    name: str
    folders: list[str]
    shown: list[str]
    copies: bool
    keep_deleted_ms: int
    resynchronise: bool
    method: Method


class Management:
    """Groups, made and ended by their customer."""

    def __init__(self, namers: Namers, ceiling: int | None) -> None:
        self._namers = namers
        self._ceiling = ceiling

    def add(self, tx: Tx, visit: Visit, notes: Notes) -> Reply:
        """A group with the folders that fill it; one that exists gets these settings and folders."""
        wanted = _wanted(visit.parameters)
        installation = _installation(tx, visit)
        services = _services(tx, visit, installation)
        places = [_place(services, each) for each in wanted.folders]
        group = groups.find(tx, visit.customer, wanted.name)
        settings = GroupSettings(
            visit.customer.principal.id, wanted.name, installation.id, copies=wanted.copies
        )
        # A handshake for some groups may make others, which it is not for.
        caller = replace(visit.caller, spaces=None)
        if group is None:
            made = groups.create(
                tx,
                caller,
                self._namers,
                visit.customer,
                settings,
                keep_deleted_ms=wanted.keep_deleted_ms,
                ceiling=self._ceiling,
            )
        else:
            notes.warn(Remark.GROUP_EXISTS)
            made = groups.change(tx, caller, group, settings, keep_deleted_ms=wanted.keep_deleted_ms)
        visit = replace(visit, caller=caller)
        self._set_sources(tx, visit, made, wanted, places)
        return {}

    def _set_sources(
        self, tx: Tx, visit: Visit, group: FileGroup, wanted: _Wanted, places: list[tuple[Service, str]]
    ) -> None:
        """Those that are named and no others; what came from the others goes."""
        there = {(each.service_id, each.path_folded): each for each in tx.sources.of_space(group.space.id)}
        for (service, path), shown in zip(places, wanted.shown, strict=True):
            wish = sources.Wish(path, shown, wanted.method, wanted.copies)
            source: Source | None = there.pop((service.id, fold(path)), None)
            if source is None:
                sources.add(tx, visit.caller, self._namers, group.space, service, wish)
            else:
                sources.change(tx, visit.caller, source, wish, resynchronise=wanted.resynchronise)
        for source in there.values():
            sources.remove(tx, visit.caller, source)

    def delete(self, tx: Tx, visit: Visit, notes: Notes) -> Reply:
        """End a group; what came from elsewhere goes."""
        name = _name(visit.parameters)
        group = groups.find(tx, visit.customer, name)
        if group is None:
            notes.warn(Remark.NO_GROUP)
        else:
            groups.remove(tx, replace(visit.caller, spaces=None), group)
        return {}


def _name(parameters: Parameters) -> str:
    name = parameters.text("FileGroup").strip()
    if not name:
        raise refusal(FilerReason.GROUP_NAME_MISSING)
    if is_all(name):
        raise refusal(FilerReason.ALL_NOT_ALLOWED)
    return name


def _wanted(parameters: Parameters) -> _Wanted:
    name = _name(parameters)
    if not parameters.has("Directories"):
        raise refusal(FilerReason.DIRECTORIES_MISSING)
    folders = [_path(each) for each in parameters.many("Directories")]
    if not folders:
        raise refusal(FilerReason.NO_DIRECTORY)
    shown = parameters.many("ShowDirectories")
    if shown and len(shown) != len(folders):
        raise refusal(FilerReason.DIRECTORIES_DIFFER)
    copies = _required(parameters, "CopyFiles", FilerReason.COPY_MISSING)
    keep = _required(parameters, "KeepDeleted", FilerReason.KEEP_MISSING)
    days = parameters.number("KeepDeletedDays", 1, _MOST_DAYS, FilerReason.OUT_OF_RANGE)
    if keep and days is None:
        raise refusal(FilerReason.PERIOD_MISSING)
    resynchronise = _required(parameters, "Resynchronize", FilerReason.RESYNC_MISSING)
    by_api = parameters.boolean("ProcessByAPI") or False
    return _Wanted(
        name,
        folders,
        _shown(folders, shown),
        copies,
        (days or 0) * _DAY_MS if keep else 0,
        resynchronise,
        Method.REQUESTED if by_api else Method.AUTOMATIC,
    )


def _required(parameters: Parameters, name: str, reason: FilerReason) -> bool:
    found = parameters.boolean(name)
    if found is None:
        raise refusal(reason)
    return found


def _path(text: str) -> str:
    try:
        return paths.parsed(text)
    except ValueError:
        raise refusal(FilerReason.BAD_DIRECTORY) from None


def _shown(folders: list[str], shown: list[str]) -> list[str]:
    """What people are shown for each folder: a name of one's own, or a path that lies in it."""
    told = []
    for folder, text in zip(folders, shown, strict=False):
        if "\\" not in text and "/" not in text:
            told.append(text.strip())
            continue
        path = _path(text)
        rest = paths.below(path, folder)
        if rest is None and len(folders) == 1:
            raise refusal(FilerReason.SHOWN_ELSEWHERE)
        if rest is None and any(paths.below(path, each) is not None for each in folders):
            raise refusal(FilerReason.SHOWN_IN_ANOTHER)
        if rest is None:
            raise refusal(FilerReason.SEVERAL_SHOWN_ELSEWHERE)
        told.append(path)
    return told or [""] * len(folders)


def _installation(tx: Tx, visit: Visit) -> Installation:
    name = visit.parameters.text("Installation").strip()
    if not name:
        raise refusal(FilerReason.INSTALLATION_MISSING)
    try:
        found = sources.installation(tx, visit.caller, name)
    except KadeError as error:
        raise refusal(FilerReason.INSTALLATION_MISSING) from error
    if found.id not in visit.customer.account.installations:
        raise refusal(FilerReason.INSTALLATION_MISSING)
    return found


def _services(tx: Tx, visit: Visit, installation: Installation) -> dict[str, Service]:
    every = tx.sources.services(visit.caller.tenant_id)
    return {each.name_folded: each for each in every if each.installation_id == installation.id}


def _place(services: dict[str, Service], folder: str) -> tuple[Service, str]:
    """The service whose name the path begins with, and the rest of it."""
    first, _, rest = folder.partition("/")
    service = services.get(fold(first))
    if service is None:
        raise refusal(FilerReason.UNKNOWN_DIRECTORY)
    return service, rest

"""``GET /Search/`` (spec 2(a); 2(c) 14 to 18)."""

import asyncio
import math
import time as clock
from dataclasses import dataclass
from typing import Any

from kade.core.customers import PAGE_SIZES, FileGroup
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.names import fold
from kade.core.ports import Catalog, SearchIndex, Tx
from kade.core.search import Caps, Found, Search, SortBy, Term
from kade.core.search_text import parse
from kade.dialects.filer import namer, shapes
from kade.dialects.filer.codes import FilerReason, Remark, refusal
from kade.dialects.filer.door import Notes, Visit, many_groups
from kade.dialects.filer.settings import Settings
from kade.services import access, searching
from kade.services.searching import Entry

_SORT_BY = {"relevance": SortBy.RELEVANCE, "filesize": SortBy.SIZE, "date": SortBy.DATE}
_DESCENDING = {"desc": True, "asc": False}
_TOP = ("Durations", "Pagination", "ShownResults")
_FIELDS = {name.lower(): name for name in (*_TOP, *shapes.FIELDS)}
_MOST_PAGES = 10**6


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for; *fields* None: all of them."""

    term: Term
    size: int
    page: int
    sort_by: SortBy
    descending: bool
    fields: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Scene:
    """The search as it goes to the index, and the groups in which it looks."""

    search: Search
    groups: dict[Id, FileGroup]


class Searches:
    """Searches, and what they find."""

    def __init__(self, catalog: Catalog, index: SearchIndex, settings: Settings) -> None:
        self._catalog = catalog
        self._index = index
        self._caps = Caps(settings.word_limit, settings.query_limit, settings.hit_limit)

    async def handle(self, visit: Visit, notes: Notes) -> dict[str, Any]:
        """One page of what is found."""
        began = clock.perf_counter()
        asked = _asked(visit, notes)
        scene = await self._catalog.read(self._scene, visit, asked, notes)
        found = await self._index.search(scene.search)
        searched = clock.perf_counter()
        with_text = asked.fields is None or "Snippet" in asked.fields
        entries, items = await self._catalog.read(self._items, visit, scene, found, with_text)
        fetched = clock.perf_counter()
        if with_text:
            snippets = await asyncio.to_thread(self._snippets, scene.search.term, entries)
            for item, snippet in zip(items, snippets, strict=True):
                item["Snippet"] = snippet
        files = [shapes.chosen(item, asked.fields) for item in items]
        if not found.hits and asked.page > 1:
            notes.warn(Remark.PAGE_EMPTY)
        reply: dict[str, Any] = {"Results": {"Count": found.count, "Files": files if any(files) else []}}
        parsed = clock.perf_counter()
        return reply | _around(asked, found, (began, searched, fetched, parsed))

    def _scene(self, tx: Tx, visit: Visit, asked: Asked, notes: Notes) -> Scene:
        chosen = many_groups(tx, visit, notes)
        reach = set(access.reach(tx, visit.caller, Verb.READ))
        groups = {group.space.id: group for group in chosen if group.space.id in reach}
        by_name = {fold(group.name): space_id for space_id, group in groups.items()}

        def spaces_of(name: str) -> list[Id]:
            space_id = by_name.get(fold(name))
            return [space_id] if space_id is not None else []

        search = Search(
            term=searching.resolved(asked.term, spaces_of),
            spaces=tuple(groups),
            trashed_in=tuple(groups),
            sort_by=asked.sort_by,
            descending=asked.descending,
            skip=(asked.page - 1) * asked.size,
            size=asked.size,
            caps=self._caps,
        )
        return Scene(search, groups)

    def _items(
        self, tx: Tx, visit: Visit, scene: Scene, found: Found, with_text: bool
    ) -> tuple[list[Entry], list[dict[str, Any]]]:
        entries = searching.entries(tx, visit.caller, found.hits, texts=with_text)
        shelf = shapes.Shelf(tx, scene.groups)
        term = scene.search.term
        ids = namer.custom_ids(tx, [each.file.id for each in entries])
        items = [
            shapes.found(
                shelf,
                each,
                ids.get(each.file.id, ""),
                self._index.matching(term, each.said.tags) if each.said.tags else [],
                max(round(each.score), 1),
            )
            for each in entries
        ]
        return entries, items

    def _snippets(self, term: Term, entries: list[Entry]) -> list[str]:
        return [shapes.marked(self._index.snippet(term, each.text)) for each in entries]


def _asked(visit: Visit, notes: Notes) -> Asked:
    parameters = visit.parameters
    text = parameters.text("Search")
    if not text.strip():
        raise refusal(FilerReason.SEARCH_MISSING)
    page = parameters.number("Page", 1, _MOST_PAGES, FilerReason.BAD_PAGE) or 1
    sort_by, order = parameters.text("SortBy").strip().lower(), parameters.text("SortOrder").strip().lower()
    if sort_by and sort_by not in _SORT_BY:
        notes.warn(Remark.SORT_BY)
    if order and order not in _DESCENDING:
        notes.warn(Remark.SORT_ORDER)
    return Asked(
        term=parse(text),
        size=_limit(visit, notes),
        page=page,
        sort_by=_SORT_BY.get(sort_by, SortBy.RELEVANCE),
        descending=_DESCENDING.get(order, True),
        fields=_fields(visit, notes),
    )


def _limit(visit: Visit, notes: Notes) -> int:
    """Too small and too large ones are remarked on, not refused."""
    least, most = PAGE_SIZES[0], PAGE_SIZES[-1]
    given = visit.parameters.number("Limit", -(10**9), 10**9, FilerReason.OUT_OF_RANGE)
    if given is None:
        return visit.customer.account.page_size
    if given < least:
        notes.warn(Remark.LIMIT_TOO_LOW)
    if given > most:
        notes.warn(Remark.LIMIT_TOO_HIGH)
    return min(max(given, least), most)


def _fields(visit: Visit, notes: Notes) -> frozenset[str] | None:
    asked = visit.parameters.many("ReturnFields")
    if not asked:
        return None
    known = {name: _FIELDS.get(name.strip().lower()) for name in asked}
    if not any(known.values()):
        raise refusal(FilerReason.NO_KNOWN_FIELD)
    for name, field in known.items():
        if field is None:
            notes.warn(Remark.UNKNOWN_FIELD, name)
    return frozenset(field for field in known.values() if field is not None)


def _around(asked: Asked, found: Found, moments: tuple[float, float, float, float]) -> dict[str, Any]:
    """What stands beside the results: pages, which results these are, and how long it took, in seconds."""
    pages = math.ceil(found.count / asked.size)
    first = (asked.page - 1) * asked.size + 1
    pagination = {
        "Page": asked.page,
        "Pages": pages,
        "Limit": asked.size,
        "Previous": asked.page - 1 if asked.page > 1 else None,
        "Next": asked.page + 1 if asked.page < pages else None,
    }
    began, searched, fetched, parsed = moments
    around: dict[str, Any] = {
        "Pagination": pagination if pages > 1 else None,
        "ShownResults": (
            {"Min": first, "Max": first + len(found.hits) - 1} if found.hits else {"Min": 0, "Max": 0}
        ),
        "Durations": {
            "Searching": round(searched - began, 4),
            "Fetching": round(fetched - searched, 4),
            "Parsing": round(parsed - fetched, 4),
            "Total": round(parsed - began, 4),
        },
    }
    return {name: value for name, value in around.items() if asked.fields is None or name in asked.fields}

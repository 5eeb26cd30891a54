"""What a search may see, and what is told of what it found."""

from dataclasses import replace

from tests.services.conftest import House
from tests.services.filing import an_office
from tests.support.memory_search import MemoryIndex
from tests.support.nouns import a_content, a_file, a_reading, a_space

from kade.core.annotations import Annotations
from kade.core.contents import ContentState
from kade.core.files import FileState
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.search import AllOf, AnyOf, Hit, InGroup, InSpaces, Not, Search, Word
from kade.services import searching


def test_names_of_groups_become_their_spaces_wherever_they_stand() -> None:
    space, word = new_id(), Word("a")

    def spaces_of(name: str) -> list[Id]:
        return [space] if name == "known" else []

    term = AllOf((word, Not(InGroup("known")), AnyOf((InGroup("unknown"), word))))
    assert searching.resolved(term, spaces_of) == AllOf(
        (word, Not(InSpaces((space,))), AnyOf((InSpaces(()), word)))
    )


async def test_a_search_is_made_where_the_caller_may_read(house: House) -> None:
    office, other = await an_office(house, "one"), await an_office(house, "two")
    principal = office.customer.principal
    caller = Caller(principal.id, principal.name, principal.tenant_id)
    mine, theirs = office.group.space.id, other.group.space.id
    asked = Search(Word("a"), (mine, theirs), (theirs, mine))
    allowed = await house.catalog.read(searching.permitted, caller, asked)
    assert (allowed.spaces, allowed.trashed_in) == ((mine,), (mine,))
    everywhere = await house.catalog.read(searching.permitted, caller, Search(Word("a"), ()))
    assert set(everywhere.spaces) == {mine, office.customer.space_id}
    part = replace(caller, spaces=frozenset({theirs}))
    nowhere = await house.catalog.read(searching.permitted, part, asked)
    assert nowhere.spaces == ()


async def test_what_was_found_is_told_with_all_that_is_known_while_it_may_be_read(house: House) -> None:
    office, other = await an_office(house, "one"), await an_office(house, "two")
    space = office.group.space
    stored = a_content(space.tenant_id, state=ContentState.LIVE)
    growing = a_content(space.tenant_id)
    said = Annotations(("tag",), "", "more words")

    def fill(tx: Tx) -> tuple[list[Id], Id]:
        folder = tx.folders.ensure(space.id, "server/papers")
        files = [
            a_file(space, content_id=stored.id, folder_id=folder.id, annotations=said.stored()),
            a_file(space, state=FileState.TRASHED, content_id=growing.id),
            a_file(space, state=FileState.HELD),
            a_file(other.group.space),
            a_file(a_space(space.tenant_id, id=space.id)),
        ]
        tx.contents.add(stored)
        tx.contents.add(growing)
        for each in files:
            tx.files.add(each)
        tx.readings.add(a_reading(file_id=files[0].id, author="Filer"))
        tx.readings.set_text(files[0].id, "the text")
        return [file.id for file in files], folder.id

    ids, folder_id = await house.catalog.write(fill)
    hits = [Hit(each, 1.0 + place) for place, each in enumerate([*ids, new_id()])]
    principal = office.customer.principal
    caller = Caller(principal.id, principal.name, principal.tenant_id)
    found = await house.catalog.read(lambda tx: searching.entries(tx, caller, hits, texts=True))
    assert [each.file.id for each in found] == [ids[0], ids[1], ids[4]]
    first, second, third = found
    assert (first.score, first.text, first.said, first.downloadable) == (
        1.0,
        "the text\nmore words",
        said,
        True,
    )
    assert first.folder is not None and first.folder.id == folder_id
    assert first.reading is not None and first.reading.author == "Filer"
    assert (second.downloadable, second.reading, second.folder, second.text) == (False, None, None, "")
    assert not third.downloadable
    plain = await house.catalog.read(lambda tx: searching.entries(tx, caller, hits))
    assert [each.text for each in plain] == ["", "", ""]
    assert await house.catalog.read(lambda tx: searching.entries(tx, caller, [])) == []
    assert searching.snippet(MemoryIndex(), Word("text"), first).marks == ((4, 8),)

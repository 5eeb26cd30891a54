"""Every search index: who sees what, bounds, changes, several processes at once, and what is shown."""

import asyncio

import pytest
from tests.support.search import OTHER, SPACE, MakeIndex, a_document, find, found, put, texts

from kade.core.clock import Millis
from kade.core.errors import KadeError, SearchReason
from kade.core.ids import Id, new_id
from kade.core.ports.search import SearchIndex
from kade.core.search import (
    AllOf,
    AnyOf,
    Caps,
    Not,
    Prefix,
    Search,
    SortBy,
    Where,
    Word,
)


def refusal(error: pytest.ExceptionInfo[KadeError]) -> tuple[SearchReason, str]:
    reason = error.value.reason
    assert isinstance(reason, SearchReason)
    assert error.value.subject == ""  # subjects are noted, and words that are looked for are not
    return reason, str(error.value.facts.get("word", ""))


# Caps


async def test_a_prefix_that_stands_for_too_many_words(index: SearchIndex) -> None:
    await texts(index, "aa ab ac", "ad ba", "bb x9")
    caps = Caps(word=4, query=6)
    assert len(await found(index, "a*", caps=caps)) == 2
    assert len(await found(index, "a* OR b*", caps=caps)) == 3
    with pytest.raises(KadeError) as error:
        await found(index, "x a*", caps=Caps(word=3))
    assert refusal(error) == (SearchReason.WORD_TOO_WIDE, "a")
    with pytest.raises(KadeError) as error:
        await found(index, "a* OR b*", caps=Caps(word=4, query=5))
    assert refusal(error) == (SearchReason.QUERY_TOO_WIDE, "")


async def test_the_same_word_in_several_parts_counts_once(index: SearchIndex) -> None:
    await put(index, a_document("aa ab", name="aa", tags=("ab",), author="ac"))
    assert await found(index, "a*", caps=Caps(word=3)) != []


async def test_too_many_hits(index: SearchIndex) -> None:
    await texts(index, "pruim", "pruim", "pruimen")
    assert (await find(index, "pruim", caps=Caps(hits=3))).count == 3
    with pytest.raises(KadeError) as error:
        await find(index, "pruim", caps=Caps(hits=2))
    assert refusal(error)[0] is SearchReason.TOO_MANY_HITS


# Rights


async def test_other_spaces_are_not_seen(index: SearchIndex) -> None:
    mine = await texts(index, "geheim plan", "plan")
    await put(index, *(a_document(f"geheim geheimen{n}", space_id=OTHER, tags=("geheim",)) for n in range(9)))
    assert (await find(index, "geheim")).count == 1
    assert await found(index, "geheim") == mine[:1]
    assert (await find(index, "geheim", OTHER)).count == 9
    assert (await find(index, "geheim", SPACE, OTHER)).count == 10
    assert (await index.search(Search(Word("geheim"), []))).count == 0
    assert await index.suggest("geheim", [SPACE]) == ["geheim"]
    assert await index.suggest("geheim", []) == []
    assert len(await index.suggest("geheim", [SPACE, OTHER], 5)) == 5


async def test_caps_count_only_words_that_the_caller_may_see(index: SearchIndex) -> None:
    await texts(index, "aa1 aa2")
    await put(index, *(a_document(f"aa{n}", space_id=OTHER) for n in range(3, 30)))
    await put(index, a_document("aa50", trashed=True))
    assert len(await found(index, "aa*", caps=Caps(word=2))) == 1
    with pytest.raises(KadeError):
        await found(index, "aa*", OTHER, caps=Caps(word=2))
    with pytest.raises(KadeError):
        await found(index, "aa*", trashed_in=[SPACE], caps=Caps(word=2))


async def test_scores_do_not_tell_of_others_files(index: SearchIndex) -> None:
    await texts(index, *["gewoon plan"] * 5, "plan geheim", "geheim gewoon")
    queries = ("geheim plan", "geheim OR gewoon", "geheim", '"plan geheim" OR gewoon', "pl* geheim")
    before = [await find(index, query) for query in queries]
    await put(index, *(a_document("geheim plan", space_id=OTHER) for _ in range(40)))
    await put(index, *(a_document("hele andere", space_id=OTHER) for _ in range(40)))
    for query, earlier in zip(queries, before, strict=True):
        now = await find(index, query)
        assert [hit.file_id for hit in now.hits] == [hit.file_id for hit in earlier.hits]
        assert [hit.score for hit in now.hits] == pytest.approx([hit.score for hit in earlier.hits], rel=1e-3)


async def test_suggestions(index: SearchIndex) -> None:
    await put(
        index,
        a_document("factuur factuur factuur fabriek", name="Façade"),
        a_document("factuur fabriek"),
        a_document("factuur"),
        a_document("familie familie familie", trashed=True),
    )
    assert await index.suggest("FA", [SPACE]) == ["factuur", "fabriek", "facade"]
    assert await index.suggest("fá", [SPACE], 1) == ["factuur"]
    assert await index.suggest("facad", [SPACE]) == ["facade"]
    assert await index.suggest("fam", [SPACE]) == []
    assert await index.suggest("", [SPACE]) == []
    assert await index.suggest("!", [SPACE]) == []


# Changes


async def test_the_last_change_counts(index: SearchIndex) -> None:
    first = a_document("oud")
    await index.apply([first, a_document("nieuw", file_id=first.file_id, stamp=2)])
    assert await found(index, "oud") == []
    assert await found(index, "nieuw") == [first.file_id]
    again = a_document("weer", file_id=first.file_id, stamp=3, name="weer", tags=("etiket",))
    for _ in range(3):
        await index.apply([again])
    assert await found(index, "nieuw") == []
    assert (await find(index, "weer")).count == 1
    assert await index.entries(None, 10) == [(first.file_id, 3)]
    await index.apply([a_document(file_id=first.file_id, space_id=OTHER, stamp=4)])
    assert await found(index, "weer") == await found(index, "etiket") == []
    assert await index.suggest("w", [SPACE]) == []


async def test_what_is_removed_is_gone(index: SearchIndex) -> None:
    ids = await texts(index, "appel", "appel", "appel")
    await index.apply([], [ids[0], new_id()])
    assert sorted(await found(index, "appel")) == sorted(ids[1:])
    await index.apply([a_document("appel")], ids[1:2])
    await index.apply([], ids)
    assert (await find(index, "appel")).count == 1
    await index.apply([])
    await index.apply([a_document("peer", file_id=ids[0])], [ids[0]])
    assert await found(index, "peer") == []


async def test_entries_in_pages(index: SearchIndex) -> None:
    ids = [Id(f"{number // 5:016x}{number % 5:016x}") for number in range(23)]
    ids += [Id("f" * 32), Id("f" * 31 + "e")]
    for start in (0, 10):
        await index.apply([a_document(file_id=each, stamp=n) for n, each in enumerate(ids)][start:])
    expected = sorted((each, n) for n, each in enumerate(ids))
    for size in (1, 2, 7, 100):
        seen: list[tuple[Id, int]] = []
        while page := await index.entries(seen[-1][0] if seen else None, size):
            assert len(page) <= size
            seen += page
        assert seen == expected


async def test_odd_documents(index: SearchIndex) -> None:
    ids = await put(
        index,
        a_document(""),
        a_document("\ud800 half a pair \x00 and a nul gaaf", name="\x07\x1b.txt", tags=("", " ")),
        a_document("x" * 1_000_000 + " achteraan", modified_at=Millis(1 << 60)),
        a_document("voor " + "a1b2 " * 300_000, modified_at=Millis(-(1 << 60)), length=(1 << 62)),
        a_document(" ".join(f"uniek{n}" for n in range(120_000)), stamp=1 << 60),
    )
    assert await found(index, "gaaf") == [ids[1]]
    assert await found(index, "achteraan") == [ids[2]]
    assert await found(index, "voor") == [ids[3]]
    assert await found(index, "uniek119999 uniek7") == [ids[4]]
    assert (await find(index, "-zoiets")).count == 5
    assert len(await found(index, "type:file", sort_by=SortBy.DATE)) == 5


async def test_odd_queries(index: SearchIndex) -> None:
    await texts(index, "gewoon")
    for query in (
        "a" * 9_000,
        "\ud800x",
        "x\x00y",
        "'; --x",
        "a:b:c",
        "gewoon " * 200,
        '"' * 99 + "x",
        "((x) -y",
        "x*y*",
    ):
        await find(index, query)
        await find(index, f"name:{query}")
    assert len(await found(index, " OR ".join(["gewoon"] + [f"w{n}" for n in range(100)]))) == 1


# Several handles


async def seen_within_a_second(index: SearchIndex, query: str, count: int) -> bool:
    for _ in range(20):
        if (await find(index, query)).count == count:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_change_is_seen_at_once_here_and_soon_elsewhere(new_index: MakeIndex) -> None:
    one, other = new_index(), new_index()
    await asyncio.gather(one.open(), other.open())
    for count in range(1, 4):
        await texts(one, "appel")
        assert (await find(one, "appel")).count == count
        assert await seen_within_a_second(other, "appel", count)
    await one.close()
    await texts(other, "appel")
    assert (await find(other, "appel")).count == 4
    await other.close()


async def test_it_is_kept(new_index: MakeIndex) -> None:
    first = new_index()
    await first.open()
    ids = await texts(first, "appel")
    await first.close()
    second = new_index()
    await second.open()
    assert await found(second, "appel") == ids
    await second.close()


async def test_searches_do_not_wait_for_changes(index: SearchIndex) -> None:
    await texts(index, "appel")
    answered = 0
    async with asyncio.TaskGroup() as group:
        changing = group.create_task(index.apply([a_document("peer " * 20_000) for _ in range(20)]))
        while not changing.done():
            assert (await find(index, "appel")).count == 1
            answered += 1
    assert answered >= 3


# Rebuilding


async def test_a_rebuilt_index_takes_the_place_of_the_live_one(new_index: MakeIndex) -> None:
    index, elsewhere = new_index(), new_index()
    await index.open()
    await elsewhere.open()
    await texts(index, "oud", "oud")
    rebuild = await index.rebuild()
    kept, gone = a_document("nieuw"), a_document("nieuw")
    await rebuild.add([kept, gone])
    await rebuild.add([a_document("nieuwer", file_id=kept.file_id, stamp=2)], [gone.file_id])
    await texts(index, "oud", "tussendoor")
    assert (await find(index, "oud")).count == 3
    assert (await find(index, "nieuw")).count == 0
    assert await index.suggest("nieuw", [SPACE]) == []
    await rebuild.swap()
    await rebuild.abandon()
    assert await found(index, "nieuwer") == [kept.file_id]
    assert (await find(index, "oud OR tussendoor")).count == 0
    assert await index.entries(None, 10) == [(kept.file_id, 2)]
    assert await seen_within_a_second(elsewhere, "nieuwer", 1)
    await texts(elsewhere, "nieuwer")
    assert (await find(index, "nieuwer")).count == 2
    await elsewhere.close()
    await index.close()


async def test_a_rebuild_that_is_abandoned_leaves_nothing(index: SearchIndex) -> None:
    await texts(index, "oud")
    for _ in range(2):
        rebuild = await index.rebuild()
        await rebuild.add([a_document("nieuw")])
        await rebuild.abandon()
    assert (await find(index, "oud")).count == 1
    assert (await find(index, "nieuw")).count == 0
    rebuild = await index.rebuild()
    await rebuild.swap()
    assert await index.entries(None, 10) == []


async def test_searches_and_changes_go_on_while_it_is_swapped(index: SearchIndex) -> None:
    documents = [a_document("appel") for _ in range(50)]
    await index.apply(documents)

    async def search() -> None:
        for _ in range(60):
            assert (await find(index, "appel")).count == 50

    async def change() -> None:
        for _ in range(10):
            await index.apply(documents[:3])

    async def rebuild() -> None:
        for _ in range(3):
            fresh = await index.rebuild()
            await fresh.add(documents)
            await fresh.swap()

    await asyncio.gather(search(), change(), rebuild())
    assert (await find(index, "appel")).count == 50


# What is shown


def test_snippets_and_tags_go_by_the_same_words(index: SearchIndex) -> None:
    text = "Vooraf iets. " * 40 + "Hierbij de Facturen over financiën." + " Achteraf iets." * 40
    snippet = index.snippet(AllOf((Word("factuur"), Prefix("finan"), Not(Word("iets")))), text, 80)
    assert [snippet.text[start:end] for start, end in snippet.marks] == ["Facturen", "financiën"]
    assert index.matching(AnyOf((Word("factuur"), Word("werk", Where.TAG))), ["facturen", "Werken", "x"]) == [
        "facturen",
        "Werken",
    ]

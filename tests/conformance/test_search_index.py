"""Every search index: which files a query finds, and in which order."""

from datetime import UTC, datetime

import pytest
from tests.support.search import OTHER, SPACE, a_document, find, found, put, texts

from kade.core.clock import Millis, from_datetime
from kade.core.ids import Id
from kade.core.ports.search import SearchIndex
from kade.core.search import (
    AllOf,
    AnyOf,
    InSpaces,
    Kind,
    Not,
    Phrase,
    Prefix,
    SortBy,
    Where,
    Word,
)

# Words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("factuur", "facturen"),
        ("salaris", "salarissen"),
        ("huis", "huizen"),
        ("brief", "brieven"),
        ("verzekering", "verzekeringen"),
        ("werknemer", "werknemers"),
        ("gewerkt", "werken"),
        ("invoice", "invoices"),
        ("company", "companies"),
        ("tax", "taxes"),
        ("changing", "changes"),
        ("policy", "policies"),
        ("wage", "wages"),
    ],
)
async def test_inflections_find_each_other(index: SearchIndex, one: str, other: str) -> None:
    ids = await texts(index, f"de {one} van gisteren", f"the {other} of yesterday", "niets van dat")
    for asked in (one, other, one.upper()):
        assert sorted(await found(index, asked)) == sorted(ids[:2])


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Financiën", "financien"),
        ("coördinatie", "COORDINATIE"),
        ("cafe", "café"),
        ("cafe\u0301", "café"),
        ("ĳsvrĳ", "ijsvrij"),
        ("Straße", "strasse"),
        ("Ærø", "aero"),
        ("ΑΘΉΝΑ", "αθηνα"),
        ("Ёлка", "елка"),
        ("ﬁnanciëel", "financieel"),
        ("İstanbul", "istanbul"),
    ],
)
async def test_case_and_accents_make_no_difference(index: SearchIndex, written: str, asked: str) -> None:
    ids = await texts(index, f"over {written} gesproken", "over iets anders")
    assert await found(index, asked) == ids[:1]
    assert await found(index, written) == ids[:1]
    assert await found(index, Prefix(asked[:-1])) == ids[:1]


@pytest.mark.parametrize(
    "word", ["日本", "語", "हिन्दी", "ไทย", "עברית", "العربية", "한국어", "Жизнь", "2024", "e-mail", "AB-12/x"]
)
async def test_words_of_any_script_are_kept(index: SearchIndex, word: str) -> None:
    ids = await texts(index, f"begin {word} einde", f"日本語で書かれた {word}。", "heel iets anders")
    assert sorted(await found(index, word)) == sorted(ids[:2])


async def test_what_is_several_words_has_to_stand_together(index: SearchIndex) -> None:
    ids = await texts(index, "stuur een e-mail", "mail over vitamine e", "本日は", "日本")
    assert await found(index, "e-mail") == ids[:1]
    assert await found(index, "日本") == ids[3:]


async def test_all_words_have_to_be_there(index: SearchIndex) -> None:
    ids = await texts(index, "huur en onderhoud", "huur", "onderhoud")
    assert await found(index, "onderhoud huren") == ids[:1]
    assert await found(index, "huur onderhoud servicekosten") == []


async def test_words_may_be_in_different_parts_of_a_file(index: SearchIndex) -> None:
    document = a_document("over huur", name="Contract.docx", author="J. Jansen", tags=("urgent",))
    ids = await put(index, document, a_document("over huur"))
    assert await found(index, "huur contract jansen urgent") == ids[:1]


async def test_a_phrase_is_in_order_and_unbroken(index: SearchIndex) -> None:
    ids = await texts(
        index, "de jaarlijkse opgave ligt klaar", "opgave jaarlijkse", "jaarlijkse grote opgave"
    )
    assert await found(index, '"jaarlijkse opgave"') == ids[:1]
    assert await found(index, '"Jaarlijkse  OPGAVE ligt"') == ids[:1]
    assert await found(index, '"opgaven"') == []
    assert sorted(await found(index, Phrase(("opgave",)))) == sorted(ids)


async def test_a_phrase_is_found_deep_in_a_long_text(index: SearchIndex) -> None:
    filling = " ".join(f"woord{number} en" for number in range(30_000))
    ids = await texts(index, f"{filling} en rode draad en {filling}", f"{filling} draad rode")
    assert await found(index, '"en rode draad"') == ids[:1]
    assert await found(index, "rode draad woord29999") != []


async def test_a_phrase_does_not_span_two_tags(index: SearchIndex) -> None:
    await put(index, a_document(tags=("rode", "draad"), name="blauwe draad"))
    assert await found(index, '"rode draad"') == []


async def test_a_prefix_is_every_word_that_begins_so(index: SearchIndex) -> None:
    ids = await texts(index, "contract", "contrast", "controle", "kontrakt", "CONTRÁCTEN")
    assert sorted(await found(index, "contr*")) == sorted([*ids[:3], ids[4]])
    assert sorted(await found(index, "contrac*")) == sorted([ids[0], ids[4]])
    assert await found(index, "zzz*") == []
    assert await found(index, "o*") == []


async def test_a_prefix_of_several_words(index: SearchIndex) -> None:
    ids = await texts(index, "e-mailadres", "adres", "mailbox")
    assert await found(index, "e-mai*") == ids[:1]


async def test_not_takes_away(index: SearchIndex) -> None:
    ids = await texts(index, "contract concept", "contract", "anders")
    assert await found(index, "contract -concept") == ids[1:2]
    assert sorted(await found(index, "-concept")) == sorted(ids[1:])
    assert sorted(await found(index, "-contract -anders")) == []
    assert await found(index, Not(Not(Word("concept")))) == ids[:1]


async def test_either_and_nested(index: SearchIndex) -> None:
    ids = await texts(index, "huur 2023", "lease 2024", "huur 2024", "koop 2024", "lease concept 2024")
    assert sorted(await found(index, "(huur OR lease) 2024 -concept")) == sorted(ids[1:3])
    assert sorted(await found(index, "huur OR -2024")) == sorted([ids[0], ids[2]])
    assert await found(index, AllOf((Word("koop"), AnyOf(())))) == []
    assert sorted(await found(index, AllOf(()))) == sorted(ids)
    assert await found(index, AnyOf((Not(AllOf(())), Word("koop")))) == [ids[3]]


async def test_what_has_no_words_finds_nothing(index: SearchIndex) -> None:
    await texts(index, "iets")
    for term in (Word("!!"), Phrase(()), Phrase(("-",)), Prefix("*"), Prefix("")):
        assert await found(index, term) == []


# Fields


async def test_fields(index: SearchIndex) -> None:
    ids = await put(
        index,
        a_document(
            "jaarstukken",
            name="Balans 2024.PDF",
            author="Anna de Vries",
            tags=("controle", "eigen werk"),
            media_type="application/pdf",
            modified_at=Millis(from_datetime(datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC))),
        ),
        a_document(
            "balans anna controle pdf 2024",
            name="Re: vraag.eml",
            kind=Kind.EMAIL,
            media_type="message/rfc822; charset=x",
            modified_at=Millis(from_datetime(datetime(2025, 1, 1, tzinfo=UTC))),
        ),
        a_document("balans", name="foto.jpg", media_type="image/jpeg"),
    )
    for query in (
        "name:balans",
        "name:BÁLANS",
        "author:vries",
        'author:"de vries"',
        "tag:controles",
        "name:bal*",
    ):
        assert await found(index, query) == ids[:1], query
    for query in ("type:pdf", "type:.PDF", "type:application/pdf", "year:2024", 'tag:"eigen werk"'):
        assert await found(index, query) == ids[:1], query
    for query in ("type:email", "type:message/rfc822", "type:eml", "year:2025", "year:2025..2030"):
        assert await found(index, query) == ids[1:2], query
    assert await found(index, "type:image") == ids[2:]
    assert sorted(await found(index, "type:file")) == sorted([ids[0], ids[2]])
    assert sorted(await found(index, "year:2024..2025")) == sorted(ids[:2])
    assert sorted(await found(index, "-year:2024")) == sorted(ids[1:])
    assert await found(index, Word("werk", Where.AUTHOR)) == []


async def test_spaces_within_a_query(index: SearchIndex) -> None:
    mine, trashed, others = await put(
        index,
        a_document("appel"),
        a_document("appel", trashed=True),
        a_document("appel", space_id=OTHER),
    )
    query = AllOf((Word("appel"), InSpaces((OTHER,))))
    assert await found(index, query, SPACE, OTHER) == [others]
    assert await found(index, query, SPACE) == []
    assert await found(index, InSpaces(()), SPACE) == []
    here = AllOf((Word("appel"), InSpaces((SPACE,))))
    assert await found(index, here, SPACE, OTHER) == [mine]
    assert sorted(await found(index, here, SPACE, OTHER, trashed_in=[SPACE])) == sorted([mine, trashed])
    assert await found(index, AllOf((Word("appel"), Not(InSpaces((SPACE,))))), SPACE, OTHER) == [others]


async def test_trashed_files_are_found_where_they_may(index: SearchIndex) -> None:
    live, trashed = await put(index, a_document("peer"), a_document("peer", trashed=True))
    assert await found(index, "peer") == [live]
    assert sorted(await found(index, "peer", trashed_in=[SPACE])) == sorted([live, trashed])
    assert await found(index, "peer", trashed_in=[OTHER]) == [live]
    assert await found(index, "peer", OTHER, trashed_in=[SPACE]) == []


# Order


async def test_a_tag_weighs_more_than_a_name_and_a_name_more_than_text(index: SearchIndex) -> None:
    much = "factuur facturen factuur " * 50
    text, name, tag, little = await put(
        index,
        a_document(much),
        a_document("niets", name="Factuur maart met een lange naam.docx"),
        a_document("niets", tags=("facturen", *(f"label{number}" for number in range(100)))),
        a_document("de factuur " + "met nog veel meer tekst eromheen " * 20),
    )
    assert await found(index, "factuur") == [tag, name, text, little]
    for number in range(20):
        await texts(index, f"factuur {number}", "anders")
    assert (await found(index, "factuur"))[:2] == [tag, name]
    both = await put(index, a_document(f"betaling {much}", tags=("betaling",)))
    assert (await found(index, "factuur betaling"))[:1] == both


async def test_the_word_as_written_comes_before_its_inflections(index: SearchIndex) -> None:
    ids = await texts(index, "de facturen zijn er", "de factuur is er", "de facturen zijn er")
    assert (await found(index, "factuur"))[0] == ids[1]
    assert (await found(index, "facturen"))[2] == ids[1]


async def test_words_that_stand_together_come_first(index: SearchIndex) -> None:
    apart = "rode wijn en daarna nog heel veel andere dingen voordat er een draad komt zoals beloofd"
    near = "wijn en daarna nog heel veel andere dingen voordat er een rode draad komt zoals beloofd"
    ids = await texts(index, apart, near, apart)
    assert (await found(index, "rode draad"))[0] == ids[1]


async def test_more_and_rarer_words_come_first(index: SearchIndex) -> None:
    await texts(index, *["gewoon woord hier"] * 30)
    one, two, both = await texts(index, "gewoon ding", "zeldzaam ding", "zeldzaam gewoon")
    ranked = await found(index, "gewoon OR zeldzaam", size=50)
    assert ranked[0] == both
    assert ranked.index(two) < ranked.index(one)


async def test_scores_are_positive(index: SearchIndex) -> None:
    await put(
        index, a_document("peer peer", tags=("peer",)), a_document("de peer"), a_document("peren appels")
    )
    for query in ("peer", "pe*", '"de peer"', "type:file", "-appels", "peer OR appel", "peer -appels"):
        for ascending in (True, False):
            hits = (await find(index, query, descending=not ascending)).hits
            scores = [hit.score for hit in hits]
            assert hits and scores == sorted(scores, reverse=not ascending) and min(scores) > 0


async def test_sorted_by_size_and_date(index: SearchIndex) -> None:
    plan: list[tuple[int, int | None]] = [(5, 10), (3, None), (5, -7), (0, 10), (1 << 50, 99), (3, 10)]
    documents = [a_document("kers", length=size, modified_at=_millis(when)) for size, when in plan]
    ids = await put(index, *documents[:3])
    ids += await put(index, *documents[3:])
    newest = list(reversed(range(6)))
    for sort_by, key in (
        (SortBy.SIZE, lambda n: plan[n][0]),
        (SortBy.DATE, lambda n: _or_before(plan[n][1])),
    ):
        for descending in (True, False):
            order = sorted(newest, key=key, reverse=descending)
            listed = await found(index, "kers", sort_by=sort_by, descending=descending)
            assert [ids.index(each) for each in listed] == order
    assert [ids.index(each) for each in await found(index, "type:file")] == newest
    assert [ids.index(each) for each in await found(index, "type:file", descending=False)] == newest


def _millis(moment: int | None) -> Millis | None:
    return None if moment is None else Millis(moment)


def _or_before(moment: int | None) -> int:
    return -(1 << 60) if moment is None else moment


@pytest.mark.parametrize("sort_by", list(SortBy))
@pytest.mark.parametrize("descending", [True, False])
async def test_pages_are_the_whole_cut_in_pieces(
    index: SearchIndex, sort_by: SortBy, descending: bool
) -> None:
    for batch in range(4):
        await index.apply(
            [
                a_document("kers " * (1 + n % 3), length=n % 2, modified_at=Millis(n % 5))
                for n in range(batch, 60)
            ]
        )
    order = {"sort_by": sort_by, "descending": descending}
    everything = await find(index, "kers", size=500, **order)
    whole = [hit.file_id for hit in everything.hits]
    assert everything.count == len(whole) == len(set(whole)) == 234
    pieces: list[Id] = []
    for skip in range(0, 240, 7):
        page = await find(index, "kers", skip=skip, size=7, **order)
        assert page.count == 234
        pieces += [hit.file_id for hit in page.hits]
    assert pieces == whole
    scores = [hit.score for hit in everything.hits]
    for place in range(len(whole) - 1):
        if sort_by is SortBy.RELEVANCE and scores[place] == scores[place + 1]:
            assert whole[place] > whole[place + 1]
    assert (await find(index, "kers", skip=1000, **order)).hits == []
    assert await find(index, "kers", size=0, **order) == type(everything)(234, [])

"""Dutch and English: the same texts in both, and the right one for whoever asks."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from tests.portal.house import House
from tests.support.requests import CONTRACT

import kade.portal
from kade.core.clock import Millis
from kade.portal.languages import LANGUAGES, chosen, language
from kade.services.telling import Letter

LETTERS = [f"mail.{letter}" for letter in Letter]
PORTAL = Path(kade.portal.__file__).parent


def flat(texts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in texts.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", str(value)


def test_both_say_the_same() -> None:
    every = {code: dict(flat(language(code).texts)) for code in LANGUAGES}
    english, dutch = every["en"], every["nl"]
    assert english.keys() == dutch.keys()
    places = {
        code: {key: set(re.findall(r"\{\w+\}", text)) for key, text in texts.items()}
        for code, texts in every.items()
    }
    one = re.compile(r"\.one$")  # one may be a word
    assert {key for key in english if places["en"][key] != places["nl"][key] and not one.search(key)} == set()
    assert not [key for code in every for key, text in every[code].items() if not text.strip()]


def test_every_text_is_used_and_every_one_that_is_used_is_there() -> None:
    sources = [*PORTAL.glob("*.py"), *PORTAL.glob("templates/*.html")]
    scripts = "".join(path.read_text() for path in PORTAL.glob("frontend/scripts/*.ts"))
    text = "".join(path.read_text() for path in sources).replace("'", '"')
    for key in dict(flat(language("en").texts)):
        section, _, name = key.partition(".")
        name = name.removesuffix(".one").removesuffix(".other")
        if section in ("name", "types") or key.removesuffix("_subject") in LETTERS:
            continue
        if section == "script":
            assert f'say("{name}"' in scripts, key
        else:
            quoted = (f'"{section}.{name}"', f'"{name}"', f'"{name.removesuffix("_hint")}"')
            assert any(each in text for each in quoted), key
    said = set(re.findall(r'say\("(\w+)"', scripts))
    assert said <= language("en").texts["script"].keys()


@pytest.mark.parametrize(
    ("cookie", "header", "fallback", "expected"),
    [
        ("", "", "", "en"),
        ("", "", "nl", "nl"),
        ("", "nl-BE,nl;q=0.9,en;q=0.8", "", "nl"),
        ("", "en-GB,nl;q=0.9", "nl", "en"),
        ("", "de,fr;q=0.9", "nl", "nl"),
        ("", "nl;q=0,en;q=0.1", "", "en"),
        ("", "nl;q=x,en;q=0.1", "", "en"),
        ("nl", "en", "en", "nl"),
        ("../etc", "nl", "", "nl"),
        ("", "de", "xx", "en"),
    ],
)
def test_which_language(cookie: str, header: str, fallback: str, expected: str) -> None:
    headers = [(b"cookie", f"kade_language={cookie}".encode()), (b"accept-language", header.encode())]
    request = Request({"type": "http", "headers": headers})
    assert chosen(request, fallback).code == expected


async def test_the_request_says_its_language_to_who_has_no_other(house: House) -> None:
    link = await house.ask(CONTRACT, language="nl")
    assert '<html lang="nl">' in (await house.get(link, headers={})).text
    assert '<html lang="en">' in (await house.get(link)).text
    lasting = await house.send("GET", f"{link.path}?language=nl")
    assert lasting.cookies["kade_language"].value == "nl"
    assert int(lasting.cookies["kade_language"]["max-age"]) > 30 * 86_400
    assert (await house.send("GET", f"{link.path}?language=xx")).status == 200


@pytest.mark.parametrize(
    ("count", "english", "dutch"),
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1000, "1 kB", "1 kB"),
        (10_485_760, "10.4 MB", "10,4 MB"),
        (99_999_999, "99.9 MB", "99,9 MB"),
        (350_000_000, "350 MB", "350 MB"),
        (2_500_000_000, "2.5 GB", "2,5 GB"),
        (10**18, "1000 PB", "1000 PB"),
    ],
)
def test_sizes(count: int, english: str, dutch: str) -> None:
    assert (language("en").size(count), language("nl").size(count)) == (english, dutch)


def test_moments_plurals_and_kinds() -> None:
    english, dutch = language("en"), language("nl")
    at = Millis(1_764_930_600_000)
    assert english.moment(at, UTC) == "5 December 2025 at 10:30"
    assert dutch.moment(at, UTC) == "5 december 2025 om 10:30"
    assert [dutch.say("request.files", n) for n in (1, 2)] == ["1 bestand gevraagd", "2 bestanden gevraagd"]
    assert english.kinds(("application/pdf", "image/*", "application/x-own")) == "PDF, image or x-own"
    assert dutch.kinds(()) == "Elk soort bestand"

"""Text, in every encoding that programs wrote by default, and text with marks: HTML, XML, JSON, CSV."""

import codecs

import pytest
from tests.support.extraction import FILES, Reader, kinds

from kade.core.extraction import RemarkKind

DUTCH = [
    "Eén café",
    "De financiële reünie van België",
    "coördinatie, ideeën, geïnteresseerd",
    "Onze vriendelijke groeten,\nZoë",
    "Curaçao en São Tomé: maïs, hè, één, vóór, naïef",
]
PRICED = ["De prijs is € 12,50 per stuk", "Prijs: €5, café 't Hoekje"]
WESTERN = [
    "cp1252",
    "iso8859-15",
    "cp850",
    "mac-roman",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
]
OTHER = [
    ("Пристань открывается в понедельник", ["cp1251", "koi8-r", "cp866", "utf-8", "utf-16-le", "utf-16-be"]),
    ("Zażółć gęślą jaźń na nabrzeżu", ["cp1250", "utf-8", "utf-16-le"]),
    ("Το λιμάνι ανοίγει τη Δευτέρα", ["cp1253", "utf-8", "utf-16"]),
    ("Straße, Größe, Äpfel, Übermut", ["cp1252", "iso8859-15", "cp850", "mac-roman"]),
    ("L’été à Orléans, où le cœur bat", ["cp1252", "utf-8", "mac-roman"]),
    ("港口星期一开放", ["utf-8", "utf-16"]),
]


@pytest.mark.parametrize("encoding", WESTERN)
async def test_short_dutch_texts(reader: Reader, encoding: str) -> None:
    for text in DUTCH:
        found = await reader.read(text.encode(encoding), "brief.txt")
        assert (found.text, found.media_type, found.remarks) == (text, "text/plain", ())


@pytest.mark.parametrize("encoding", ["cp1252", "iso8859-15", "utf-8", "utf-16", "mac-roman"])
async def test_the_euro(reader: Reader, encoding: str) -> None:
    for text in PRICED:
        assert (await reader.read(text.encode(encoding))).text == text


@pytest.mark.parametrize(
    ("text", "encoding"), [(text, encoding) for text, them in OTHER for encoding in them]
)
async def test_texts_in_other_languages(reader: Reader, text: str, encoding: str) -> None:
    assert (await reader.read(text.encode(encoding))).text == text


async def test_what_is_not_ascii_may_come_late(reader: Reader) -> None:
    text = "plain text, line after line\n" * 10_000 + "één reünie"
    for encoding in ("cp1252", "utf-8", "cp850"):
        assert (await reader.read(text.encode(encoding))).text == text


async def test_a_character_that_a_piece_cuts(reader: Reader) -> None:
    for shift in range(3):
        text = "x" * shift + "é€" * 60_000
        assert (await reader.read(text.encode())).text == text


async def test_newlines_and_control_characters(reader: Reader) -> None:
    found = await reader.read(b"een\r\ntwee\rdrie\x0bvier\xc2\xadvijf\x1a")
    assert found.text == "een\ntwee\ndrie viervijf"


async def test_bytes_that_are_no_text(reader: Reader) -> None:
    noise = bytes((number * 167 + number // 7) % 256 for number in range(5000))
    found = await reader.read(noise, "ruis.txt")
    assert (found.text, kinds(found)) == ("", {RemarkKind.UNSUPPORTED})


async def test_an_empty_file(reader: Reader) -> None:
    found = await reader.read(b"", "leeg.docx")
    assert (found.text, found.media_type, found.remarks) == ("", "application/x-empty", ())


PAGE = """<!DOCTYPE html><html><head><title>Kop &amp; staart</title><meta name="author" content="Anna Auteur">
<meta charset="{}"><style>.x{{}}</style><script>var weg = 1;</script></head><body><h1>Reünie</h1>
<p>Eerste&nbsp;<b>al</b>inea</p><table><tr><td>cel een</td><td>cel twee</td></tr></table>
<img src="x.png" alt="Een kade"><noscript>zonder script</noscript></body></html>"""


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "iso-8859-15"])
async def test_a_page(reader: Reader, encoding: str) -> None:
    found = await reader.read(PAGE.format(encoding).encode(encoding), "pagina.html")
    assert (found.media_type, found.title, found.author) == ("text/html", "Kop & staart", "Anna Auteur")
    assert "Reünie\n" in found.text
    assert "alinea\n" in found.text
    assert "cel een\tcel twee" in found.text.replace("\t\t", "\t")
    assert "Een kade" in found.text
    assert "weg" not in found.text
    assert ".x" not in found.text
    assert "staart" not in found.text


async def test_xml(reader: Reader) -> None:
    content = (
        '<?xml version="1.0" encoding="iso-8859-1"?><a><b x="1">één</b><c>twee<!-- weg --></c></a>'.encode(
            "latin-1"
        )
    )
    found = await reader.read(content, "a.xml")
    assert (found.media_type, found.text.split()) == ("application/xml", ["één", "twee"])


async def test_json_and_csv(reader: Reader) -> None:
    found = await reader.read(b'{"naam": "Ren\\u00e9 \\ud83d\\ude00", "pad": "a\\/b\\\\c"}', "a.json")
    assert (found.media_type, found.text) == ("application/json", '{"naam": "René 😀", "pad": "a/b\\c"}')
    found = await reader.read(b'"' + b"\\u00e9" * 40_000 + b'"', "a.json")
    assert found.text == '"' + "é" * 40_000 + '"'
    found = await reader.read(codecs.BOM_UTF8 + b"naam;plaats\nAnna;Kade\n", "a.csv")
    assert (found.media_type, found.text) == ("text/csv", "naam;plaats\nAnna;Kade")


async def test_rtf_of_other_hands(reader: Reader) -> None:
    content = (
        rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil Arial;}{\f1\fnil\fcharset204 Arial Cyr;}}"
        rb"{\*\generator Iets;}\pard caf\'e9 \u8364?5\f1 \'cf\'f0\'e8\f0  \uc2\u233 xxn\emdash x"
        rb"{\upr{kop}{\*\ud{\u20170 }}}\par{\v}{\field{\*\fldinst HYPERLINK weg}{\fldrslt zichtbaar}}\par}"
    )
    found = await reader.read(content, "a.rtf")
    assert found.text.startswith("café €5При én—x")
    assert "zichtbaar" in found.text
    assert "HYPERLINK" not in found.text
    assert found.remarks == ()


@pytest.mark.needs("tesseract", "tesseract-nld")
@pytest.mark.parametrize("file", ["scan.png", "gescand.pdf"])
async def test_pictures_of_text(reader: Reader, file: str) -> None:
    from kade.search.extract.limits import Limits

    content = (FILES / file).read_bytes()
    assert (await reader.read(content, file)).text == ""
    seeing = Reader(reader.folder, Limits(ocr=True))
    found = await seeing.read(content, file)
    await seeing.close()
    assert "De kademuur wordt geopend" in found.text
    assert "The quay opens on Monday" in found.text
    assert found.remarks == ()

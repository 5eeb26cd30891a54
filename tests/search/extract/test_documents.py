"""Office documents and PDF: files that other programs made of content written by hand (files/README.md)."""

from dataclasses import dataclass

import pytest
from tests.support.extraction import FILES, Reader

from kade.core.clock import Millis
from kade.core.extraction import Extracted, Remark, RemarkKind
from kade.core.search import Kind

SAVED = Millis(1_709_721_900_000)  # 2024-03-06 10:45 UTC, as make.py says
PNG = ("image/png", 74)

REPORT = (
    "Verslag van de kademeester",
    "De coördinatie van de reünie vond plaats in één café; financiële gevolgen: € 1.250,00.",
    "Tweede alinea met een spanwoord,\teen tab\nen een nieuwe regel.",
    "eerste punt",
    "tweede punt",
    "cel linksboven\tcel rechtsboven",
    "cel linksonder\tcel rechtsonder",
    "Met een voetnoot",
    "Tekst van de voetnoot",
    "Tekst van de opmerking",
    "Tekst in een tekstvak",
    "Kopregel van de haven",
    "Voetregel met kenmerk KH-7",
    "Slotzin Ĳsselmeer Ωmega Привет.",
)
SHEET = (
    *("Omzet\n", "Kwartaal", "Bedrag", "Datum", "Eerste knœpunt", "1250.5", "2024-03-05"),
    *("Café-omzet €", "42", "1292.5", "Tweede blad", "Verborgen schat", "Opmerking bij een cel"),
)
SLIDES = (
    *("Titel van de eerste dia", "Bedrijfsuitje naar Curaçao", "Spreeknotitie over het weer"),
    *("Tweede dia Привет", "diacel een", "diacel twee"),
)
INNER = "ingebed rekenblad"
# A PDF has no comments, no fields and no table cells; its lines are those of the page.
PRINTED = (
    "De coördinatie van de reünie vond plaats in één café; financiële gevolgen: €",
    "1.250,00.",
    "Tweede alinea met een spanwoord, een tab",
    *("eerste punt", "cel linksboven cel rechtsboven", "Tekst van de voetnoot", "Tekst in een tekstvak"),
    *("Kopregel van de haven", "Voetregel met kenmerk KH-7", "Slotzin Ĳsselmeer Ωmega Привет.", INNER),
)
NOTE = "Bijgevoegde nota in een PDF"
LEAKS = ("Click to edit", "Lezer Twee", "EMBED", "Inzet.A1", "<", "[^", "Anna Auteur")


@dataclass(frozen=True)
class Expected:
    """What a file says, and attachments by name, with type and length (0: any)."""

    file: str
    media_type: str
    title: str
    author: str
    says: tuple[str, ...]
    attachments: dict[str, tuple[str, int]]


OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN = "application/vnd.oasis.opendocument."
WORKBOOK, WORKBOOK_97 = f"{OFFICE}spreadsheetml.sheet", "application/vnd.ms-excel"
ANNA, BEN, CARLA = (
    ("Verslag kade", "Anna Auteur"),
    ("Omzet 2024", "Ben Boekhouder"),
    ("Dia's", "Carla Spreker"),
)
IMAGE = {"image1.png": PNG}
ODF_IMAGE = {"1000000000000008000000084784F8A82CBB23D2.png": PNG}
DOCX_FILES = IMAGE | {"image2.emf": ("image/emf", 0), "oleObject1.xlsx": (WORKBOOK, 0)}
DOC_FILES = IMAGE | {"object1.xls": (WORKBOOK_97, 0)}
RTF_FILES = IMAGE | {"image2.png": ("image/png", 0)}
TABLE = [
    Expected("verslag.docx", f"{OFFICE}wordprocessingml.document", *ANNA, (*REPORT, INNER), DOCX_FILES),
    Expected("verslag.doc", "application/msword", *ANNA, (*REPORT, INNER), DOC_FILES),
    Expected("verslag.odt", f"{OPEN}text", *ANNA, (*REPORT, INNER), ODF_IMAGE),
    Expected("verslag.rtf", "application/rtf", *ANNA, REPORT, RTF_FILES),
    Expected("verslag.pdf", "application/pdf", *ANNA, PRINTED, {}),
    Expected("bijlage.pdf", "application/pdf", *ANNA, (*PRINTED, NOTE), {"nota.txt": ("text/plain", 28)}),
    Expected("omzet.xlsx", WORKBOOK, *BEN, SHEET, IMAGE),
    Expected("omzet.xls", WORKBOOK_97, *BEN, SHEET, IMAGE),
    Expected("omzet.ods", f"{OPEN}spreadsheet", *BEN, SHEET, ODF_IMAGE),
    Expected("dias.pptx", f"{OFFICE}presentationml.presentation", *CARLA, SLIDES, IMAGE),
    Expected("dias.ppt", "application/vnd.ms-powerpoint", *CARLA, SLIDES, IMAGE),
    Expected("dias.odp", f"{OPEN}presentation", *CARLA, SLIDES, ODF_IMAGE),
]
WITH_FILES = [each for each in TABLE if each.attachments]


@pytest.mark.parametrize("expected", TABLE, ids=lambda expected: expected.file)
async def test_what_a_document_says(reader: Reader, expected: Expected) -> None:
    content = (FILES / expected.file).read_bytes()
    found = await reader.read(content, expected.file)
    assert found.remarks == ()
    assert (found.kind, found.media_type) == (Kind.FILE, expected.media_type)
    assert (found.title, found.author) == (expected.title, expected.author)
    for said in expected.says:
        assert said in found.text
    for leak in LEAKS:
        assert leak not in found.text
    assert found.length == len(found.text)
    assert found.properties == ""
    listed = {each.name: (each.media_type, each.length) for each in found.attachments}
    assert listed.keys() == expected.attachments.keys()
    for name, (media_type, length) in expected.attachments.items():
        assert listed[name] == (media_type, length or listed[name][1])


@pytest.mark.parametrize("expected", WITH_FILES, ids=lambda expected: expected.file)
async def test_the_bytes_of_attachments(reader: Reader, expected: Expected) -> None:
    content = (FILES / expected.file).read_bytes()
    told = {each.name: each.length for each in (await reader.read(content, expected.file)).attachments}
    found = await reader.attachments(content, expected.file, [*expected.attachments, "is er niet"])
    assert {name: len(data) for name, data in found.items()} == told
    picture = next((name for name, shown in expected.attachments.items() if shown == PNG), None)
    if picture:
        assert found[picture].startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("file", [each.file for each in TABLE if not each.file.endswith("pdf")])
async def test_when_a_document_was_saved(reader: Reader, file: str) -> None:
    assert (await reader.read((FILES / file).read_bytes())).modified_at == SAVED


async def test_an_embedded_sheet_of_word_97_is_a_file_of_its_own(reader: Reader) -> None:
    content = (FILES / "verslag.doc").read_bytes()
    found = await reader.attachments(content, "verslag.doc", ["object1.xls"])
    sheet = await reader.read(found["object1.xls"], "object1.xls")
    assert sheet.media_type == "application/vnd.ms-excel"
    assert INNER in sheet.text


async def test_the_name_does_not_decide(reader: Reader) -> None:
    found = await reader.read((FILES / "verslag.docx").read_bytes(), "verslag.txt")
    assert found.media_type.endswith("wordprocessingml.document")
    assert "Tekst in een tekstvak" in found.text


async def test_a_program_that_is_called_pdf_is_not_supported(reader: Reader) -> None:
    program = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff" + bytes(range(256)) * 8
    found = await reader.read(program, "factuur.pdf")
    assert found.text == ""
    assert found.remarks == (Remark(RemarkKind.UNSUPPORTED),)
    assert found.media_type != "application/pdf"


async def test_an_encrypted_pdf(reader: Reader) -> None:
    found = await reader.read((FILES / "gesloten.pdf").read_bytes(), "gesloten.pdf")
    assert (found.text, found.remarks) == ("", (Remark(RemarkKind.ENCRYPTED),))


async def test_text_over_the_limit_is_cut_and_it_is_said_so(reader: Reader) -> None:
    line = "De kraan op de kade draait.\n"
    found: Extracted = await reader.read((line * 100_000).encode(), "lang.txt")
    assert found.length == len(line) * 100_000
    assert found.remarks == (Remark(RemarkKind.CUT, kept=1_000_000, length=found.length),)
    assert found.text == (line * 100_000)[:1_000_000]

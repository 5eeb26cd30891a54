"""Files that mean harm: each costs a bounded time and bounded memory, and itself only."""

import asyncio
import io
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from tests.support.extraction import FILES, Reader, kinds, peak_memory, repacked, zipped
from tests.support.sizes import sizes

from kade.core.extraction import FAILURES, Extracted, RemarkKind
from kade.search.extract.limits import MIB, Limits

MODEST = 400 * MIB  # of memory that a child may hold for any file here

BOMB = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "lach lach lach ">' + b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("k"))
) + b"]>"  # fmt: skip
FETCHED = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
WORD = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>%s</w:t></w:r></w:p></w:body></w:document>'


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


async def survives(
    reader: Reader, content: bytes, name: str, *expected: RemarkKind, seconds: float = 20
) -> Extracted:
    """Read something, which leaves those remarks; the extractor works as ever afterwards."""
    with at_most(seconds):
        found = await reader.read(content, name)
    assert kinds(found) == set(expected)
    if not kinds(found) & FAILURES:
        assert peak_memory() < MODEST
    assert await reader.works()
    return found


def bomb(length: int, piece: bytes) -> bytes:
    """A ZIP file with one entry of *length* bytes, all alike."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bom.txt", "w", force_zip64=True) as entry,
    ):
        for _ in range(length // len(piece)):
            entry.write(piece)
    return target.getvalue()


async def test_a_flat_zip_bomb(reader: Reader) -> None:
    """A thousand bytes for each of its own, and more of them than may be unpacked."""
    content = bomb(600 * MIB, b"bom " * (MIB // 4))
    assert len(content) < 2 * MIB
    found = await survives(reader, content, "bom.zip", RemarkKind.TOO_LARGE, seconds=60)
    assert found.text.startswith("bom.txt")


async def test_a_nested_zip_bomb(reader: Reader) -> None:
    """Sixteen archives in each of sixteen, and so on: 4 PiB if one unpacked it all."""
    content = bomb(16 * MIB, bytes(MIB))
    for _ in range(4):
        content = zipped([(f"{number:02}.zip", content) for number in range(16)])
    with at_most(60):
        found = await reader.read(content, "42.zip")
    assert kinds(found) & {RemarkKind.TOO_LARGE, RemarkKind.TOO_MANY}
    assert peak_memory() < MODEST
    assert await reader.works()


async def test_archives_within_archives(reader: Reader) -> None:
    content = b"de diepste zin"
    for depth in range(100):
        content = zipped({f"laag {depth}.zip": content})
    found = await survives(reader, content, "diep.zip", RemarkKind.TOO_DEEP)
    assert "laag 99.zip" in found.text
    assert "diepste" not in found.text


async def test_an_archive_that_contains_itself_in_overlapping_entries(reader: Reader) -> None:
    """All entries are the same stretch of the file, so that its length bounds nothing."""
    single = bomb(8 * MIB, b"x" * MIB)
    start, end = single.index(b"PK\x01\x02"), single.index(b"PK\x05\x06")
    head, directory, tail = single[:start], single[start:end], bytearray(single[end:])
    tail[8:12] = (1000).to_bytes(2, "little") * 2
    tail[12:16] = (len(directory) * 1000).to_bytes(4, "little")
    with at_most(60):
        found = await reader.read(head + directory * 1000 + bytes(tail), "overlap.zip")
    assert kinds(found) & {RemarkKind.TOO_LARGE, RemarkKind.DAMAGED}
    assert await reader.works()


async def test_ten_thousand_entries(reader: Reader) -> None:
    content = zipped([(f"{number}.txt", b"tekst %d" % number) for number in range(10_000)])
    found = await survives(reader, content, "veel.zip", RemarkKind.TOO_MANY)
    assert len(found.attachments) == 1000
    assert "tekst 4999" in found.text


@pytest.mark.parametrize("head", [BOMB, FETCHED], ids=["entities", "a file"])
@pytest.mark.parametrize("file", ["verslag.docx", "verslag.odt", "omzet.xlsx", "dias.pptx"])
async def test_entities_in_office_documents(reader: Reader, file: str, head: bytes) -> None:
    part = {
        "verslag.docx": "word/document.xml",
        "verslag.odt": "content.xml",
        "omzet.xlsx": "xl/worksheets/sheet1.xml",
        "dias.pptx": "ppt/slides/slide1.xml",
    }[file]
    name = b"&j;" if head == BOMB else b"&a;"
    content = repacked((FILES / file).read_bytes(), {part: head + WORD % name})
    found = await survives(reader, content, file, RemarkKind.DAMAGED)
    assert "root:" not in found.text
    assert "lach" not in found.text


@pytest.mark.parametrize(("head", "name"), [(BOMB, b"&j;"), (FETCHED, b"&a;")], ids=["entities", "a file"])
async def test_entities_in_xml(reader: Reader, head: bytes, name: bytes) -> None:
    with at_most(20):
        found = await reader.read(head + b'<w a="' + name + b'">voor ' + name + b" na</w>", "bom.xml")
    assert "root:" not in found.text
    assert "lach" not in found.text
    assert await reader.works()


def pdf(*objects: bytes, xref: bytes = b"") -> bytes:
    """A PDF of these *objects*, the first of which is the catalog."""
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    return body + (xref or table) + trailer


CYCLES = [
    pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2/Parent 2 0 R>>"),
    pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 99999999>>", b"3 0 R"),
    pdf(b"<</Type/Catalog/Pages 1 0 R/Names<</EmbeddedFiles<</Names[(a) 2 0 R]>>>>>>",
        b"<</Type/Filespec/EF 2 0 R/F 2 0 R/UF 2 0 R /EmbeddedFile 2 0 R>>"),
    pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids" + b"[" * 100_000 + b"]" * 100_000 + b">>"),
    pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Kids[]>>", xref=b"xref\n0 4000000000\n9999999999 65535 n \n"),
]  # fmt: skip


@pytest.mark.parametrize("content", CYCLES, ids=["pages", "itself", "files", "nesting", "table"])
async def test_malformed_pdfs(reader: Reader, content: bytes) -> None:
    with at_most(30):
        await reader.read(content, "kwaad.pdf")
    assert await reader.works()


HALVED = sorted(path.name for path in FILES.iterdir() if path.is_file() and path.suffix not in (".md", ".py"))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("file", HALVED)
async def test_half_a_file(reader: Reader, file: str, share: float) -> None:
    """Of whatever format: what is left of it is said, or that it is damaged."""
    content = (FILES / file).read_bytes()
    with at_most(20):
        found = await reader.read(content[: int(len(content) * share)], file)
    assert found.text or found.remarks or file.endswith((".png", ".pdf"))
    assert await reader.works()


@pytest.mark.parametrize("file", HALVED)
async def test_a_file_with_changed_bytes(reader: Reader, file: str) -> None:
    """It is damaged at worst: nothing dies, hangs or takes all memory."""
    random, content = Random(file), (FILES / file).read_bytes()
    for _ in range(sizes.damaged):
        damaged = bytearray(content)
        for _ in range(random.choice([1, 3, 10, 60])):
            at = random.randrange(len(damaged))
            damaged[at : at + 4] = random.choice(
                [b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f", random.randbytes(4)]
            )
        with at_most(20):
            found = await reader.read(bytes(damaged), file)
        assert not kinds(found) & FAILURES, found.remarks


async def test_one_endless_line(reader: Reader) -> None:
    path, length = reader.folder / "regel.txt", sizes.line
    with path.open("wb") as file:
        for _ in range(length // MIB):
            file.write(b"0123456789abcde " * (MIB // 16))
    with at_most(60):
        found = await reader.extractor.extract(path, "regel.txt")
    assert (found.length, len(found.text)) == (length, 1_000_000)
    assert kinds(found) == {RemarkKind.CUT}
    assert peak_memory() < 150 * MIB
    assert await reader.works()


async def test_one_endless_line_of_nothing(reader: Reader) -> None:
    path = reader.folder / "nullen.txt"
    with path.open("wb") as file:
        file.truncate(sizes.line)
    with at_most(20):
        found = await reader.extractor.extract(path, "nullen.txt")
    assert (found.text, kinds(found)) == ("", {RemarkKind.UNSUPPORTED})
    assert await reader.works()


async def test_a_message_of_ten_thousand_parts(reader: Reader) -> None:
    parts = "".join(f"--x\nContent-Type: text/plain\n\ndeel {number}\n" for number in range(10_000))
    head = "MIME-Version: 1.0\nSubject: veel\nContent-Type: multipart/mixed; boundary=x"
    content = f"{head}\n\n{parts}--x--\n".encode()
    found = await survives(reader, content, "veel.eml", RemarkKind.TOO_MANY)
    assert "deel 4000" in found.text
    assert found.title == "veel"


@pytest.mark.parametrize("levels", [100, 3000])
async def test_a_message_of_many_levels(reader: Reader, levels: int) -> None:
    opening = "".join(f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n\n" for n in range(levels))
    head = "Subject: diep\nContent-Type: multipart/mixed; boundary=b0"
    content = f"{head}\n\n{opening}--b{levels}\n\nonderin\n".encode()
    with at_most(60):
        found = await reader.read(content, "diep.eml")
    assert "onderin" in found.text or kinds(found)
    assert await reader.works()


@pytest.mark.parametrize(
    "header",
    [
        "To: " + "a@b.example, " * 100_000,
        "Subject: " + "=?utf-8?q?x?= " * 100_000,
        "From: " + "(" * 500_000,
        "Content-Type: text/plain; " + "a=b; " * 100_000,
    ],
    ids=["To", "Subject", "From", "Content-Type"],
)
async def test_a_message_with_an_endless_header(reader: Reader, header: str) -> None:
    with at_most(40):
        found = await reader.read(f"Message-ID: <a>\n{header}\n\ntekst\n".encode(), "m.eml")
    assert "tekst" in found.text
    assert await reader.works()


async def test_pages_and_rtf_that_never_end_their_marks(reader: Reader) -> None:
    for content in (b"<html><body>" + b"<div>" * 300_000 + b"tekst", b"{\\rtf1 " + b"{" * 300_000 + b"tekst"):
        with at_most(30):
            found = await reader.read(content)
        assert found.text or found.remarks
    assert await reader.works()


async def test_what_takes_too_long_is_stopped(reader: Reader) -> None:
    """One second of computing is not enough for all these words of RTF."""
    limited = Reader(reader.folder, Limits(cpu=1))
    content = b"{\\rtf1 " + b"\\b0 x\\b y{\\i z}" * 1_500_000 + b"}"
    with at_most(15):
        found = await limited.read(content, "lang.rtf")
    assert kinds(found) == {RemarkKind.TIMED_OUT}
    assert await limited.works()
    await limited.close()


async def test_what_wants_too_much_memory_is_stopped(reader: Reader) -> None:
    """Every string of a sheet is different, and there are more than the memory holds."""
    limited = Reader(reader.folder, Limits(memory=400 * MIB))
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    strings = b"".join(b"<si><t>%02000d</t></si>" % number for number in range(1_000))
    content = repacked(
        (FILES / "omzet.xlsx").read_bytes(),
        {"xl/sharedStrings.xml": b'<sst xmlns="' + space + b'">' + strings * 200 + b"</sst>"},
    )
    with at_most(60):
        found = await limited.read(content, "groot.xlsx")
    assert kinds(found) == {RemarkKind.OUT_OF_MEMORY}
    assert await limited.works()
    await limited.close()


async def test_a_sheet_with_a_million_cells_takes_little_memory(reader: Reader) -> None:
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    row = b'<row r="1">' + b'<c t="inlineStr"><is><t>woord</t></is></c>' * 10 + b"</row>"
    sheet = b'<worksheet xmlns="' + space + b'"><sheetData>' + row * 100_000 + b"</sheetData></worksheet>"
    content = repacked((FILES / "omzet.xlsx").read_bytes(), {"xl/worksheets/sheet1.xml": sheet})
    found = await survives(reader, content, "groot.xlsx", RemarkKind.CUT, seconds=40)
    assert found.length > 5_000_000
    assert peak_memory() < 150 * MIB


async def test_nothing_but_regular_files_is_opened(reader: Reader) -> None:
    import os

    secret = reader.folder / "geheim.txt"
    secret.write_text("geheim")
    link, pipe = reader.folder / "link.txt", reader.folder / "pijp"
    link.symlink_to(secret)
    os.mkfifo(pipe)
    for path in (link, pipe, reader.folder):
        with at_most(5):
            found = await reader.extractor.extract(path, "a.txt")
        assert (found.text, kinds(found)) == ("", {RemarkKind.UNSUPPORTED})
    with pytest.raises(FileNotFoundError):
        await reader.extractor.extract(reader.folder / "is er niet", "a.txt")
    assert await reader.works()


async def test_many_remarks_are_counted(reader: Reader) -> None:
    content = zipped([(f"{number}.exe", b"MZ" + bytes(range(256))) for number in range(500)])
    found = await reader.read(content, "a.zip")
    assert len(found.remarks) == 50
    assert (found.remarks[-1].kind, found.remarks[-1].kept, found.remarks[-1].length) == (
        RemarkKind.TOO_MANY,
        49,
        500,
    )


async def test_files_at_once_do_not_disturb_each_other(reader: Reader) -> None:
    several = Reader(reader.folder, children=2)
    paths = []
    for number in range(20):
        path = reader.folder / f"{number}.txt"
        path.write_text(f"tekst nummer {number}")
        paths.append(path)
    found = await asyncio.gather(*(several.extractor.extract(path, path.name) for path in paths))
    assert [each.text for each in found] == [f"tekst nummer {number}" for number in range(20)]
    await several.close()

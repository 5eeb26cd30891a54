"""ZIP: names and contents of entries, one within another."""

import zipfile

from tests.support.extraction import FILES, Reader, kinds, zipped

from kade.core.clock import Millis
from kade.core.extraction import Attachment, Remark, RemarkKind

AT = Millis(1_709_631_000_000)  # 2024-03-05 09:30


async def test_what_is_in_an_archive(reader: Reader) -> None:
    content = zipped(
        {
            "map/": b"",
            "map/brief.txt": "Geachte coördinator".encode("cp1252"),
            "verslag.docx": (FILES / "verslag.docx").read_bytes(),
            "binnen.zip": zipped({"diep.txt": b"diep verborgen"}),
        }
    )
    found = await reader.read(content, "alles.zip")
    assert found.remarks == ()
    assert found.media_type == "application/zip"
    for said in (
        "map/brief.txt",
        "Geachte coördinator",
        "Tekst van de voetnoot",
        "diep.txt",
        "diep verborgen",
    ):
        assert said in found.text
    assert [each.name for each in found.attachments] == ["map/brief.txt", "verslag.docx", "binnen.zip"]
    assert found.attachments[0] == Attachment("map/brief.txt", 19, "text/plain", AT)


async def test_names_lead_nowhere(reader: Reader) -> None:
    names = ["../../etc/passwd", "/etc/passwd", "C:\\weg\\x.txt", "a\x07\nb.txt", "..", "x" * 400 + ".txt"]
    content = zipped([(name, name.encode()) for name in names])
    found = await reader.read(content, "a.zip")
    shown = [each.name for each in found.attachments]
    assert shown[:4] == ["etc/passwd", "etc/passwd (2)", "weg/x.txt", "a b.txt"]
    assert shown[4] == "attachment"
    assert len(shown[5]) <= 200
    bytes_of = await reader.attachments(content, "a.zip", shown)
    assert [bytes_of[name] for name in shown] == [name.encode() for name in names]
    assert not (reader.folder / "etc").exists()


async def test_a_link_in_an_archive_is_only_text(reader: Reader) -> None:
    info = zipfile.ZipInfo("link", (2024, 3, 5, 9, 30, 0))
    info.external_attr = 0o120777 << 16
    path = reader.folder / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    found = await reader.attachments(path.read_bytes(), "a.zip", ["link"])
    assert found == {"link": b"/etc/passwd"}


async def test_an_entry_that_is_encrypted_damaged_or_packed_otherwise(reader: Reader) -> None:
    content = bytearray(
        zipped({"een.txt": b"leesbaar" * 9, "twee.txt": b"versleuteld" * 9, "drie.txt": b"kapot" * 9})
    )
    for head in (b"PK\x03\x04", b"PK\x01\x02"):
        at = content.index(head, content.index(head) + 4)
        content[at + (6 if head[2] == 3 else 8)] |= 1
    third = content.index(b"drie.txt") + len(b"drie.txt")
    content[third + 3] ^= 0xFF
    found = await reader.read(bytes(content), "a.zip")
    assert "leesbaar" in found.text
    assert set(found.remarks) == {
        Remark(RemarkKind.ENCRYPTED, "twee.txt"),
        Remark(RemarkKind.DAMAGED, "drie.txt"),
    }


async def test_half_an_archive(reader: Reader) -> None:
    content = zipped({"een.txt": b"x" * 5000}, zipfile.ZIP_STORED)
    found = await reader.read(content[:3000], "a.zip")
    assert kinds(found) == {RemarkKind.DAMAGED}


async def test_what_nobody_can_read_is_remarked_by_name(reader: Reader) -> None:
    found = await reader.read(zipped({"a.exe": b"MZ" + bytes(range(256)), "b.txt": b"tekst"}), "a.zip")
    assert found.remarks == (Remark(RemarkKind.UNSUPPORTED, "a.exe"),)
    assert "tekst" in found.text

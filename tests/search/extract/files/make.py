"""Make the files of this folder anew: ``python make.py``, with the programs that README.md names.

What documents say stands in ``sources``, as flat OpenDocument that was written by hand; other programs
turn it into each format, so that what reads the files was not written by who wrote them. Their text differs
by where it stands (header, table, note), so that a test sees which part was not read.
"""

import base64
import struct
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE / "sources"
DOCUMENTS = {
    "verslag.fodt": "doc docx odt rtf pdf",
    "omzet.fods": "xls xlsx ods",
    "dias.fodp": "ppt pptx odp",
    "scan.fodt": "png",
}
Streams = dict[str, "bytes | Streams"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, formats in DOCUMENTS.items():
            convert(SOURCES / name, formats, Path(folder))
        make_pdfs(Path(folder))
        make_message(Path(folder))


def convert(source: Path, formats: str, folder: Path) -> None:
    """Have LibreOffice write *source* in each of the *formats*."""
    office = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless"]
    for extension in formats.split():
        command = [*office, "--convert-to", extension, "--outdir", str(HERE), str(source)]
        subprocess.run(command, check=True, capture_output=True)


def make_pdfs(folder: Path) -> None:
    """One that is a picture of text only, one with a file embedded, and one behind a password."""
    picture = base64.b64encode((HERE / "scan.png").read_bytes()).decode()
    scanned = folder / "gescand.fodt"
    scanned.write_text((SOURCES / "gescand.fodt").read_text().replace("SCAN", picture))
    convert(scanned, "pdf", folder)
    note, report = folder / "nota.txt", str(HERE / "verslag.pdf")
    note.write_text("Bijgevoegde nota in een PDF\n")
    moment = "D:20240305093000Z"
    attach = ["--add-attachment", str(note), "--mimetype=text/plain", f"--creationdate={moment}"]
    attach += [f"--moddate={moment}", "--", "--object-streams=generate", str(HERE / "bijlage.pdf")]
    subprocess.run(["qpdf", report, *attach], check=True)
    lock = ["--encrypt", "geheim", "geheim", "256", "--", report, str(HERE / "gesloten.pdf")]
    subprocess.run(["qpdf", *lock], check=True)


SENT = (1_709_629_800_000 + 11_644_473_600_000) * 10_000  # 2024-03-05 09:10 UTC as FILETIME


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def fixed(*properties: tuple[int, int, int]) -> bytes:
    """Properties of a fixed length: identifier, type, value."""
    return b"".join(struct.pack("<HHIQ", kind, number, 6, value) for number, kind, value in properties)


def message(subject: str, body: str, name: str, address: str, head: bytes) -> Streams:
    """The streams of a message; a dictionary is a storage."""
    return {
        "__substg1.0_001A001F": wide("IPM.Note"),
        "__substg1.0_0037001F": wide(subject),
        "__substg1.0_1000001F": wide(body),
        "__substg1.0_0C1A001F": wide(name),
        "__substg1.0_5D01001F": wide(address),
        "__substg1.0_1035001F": wide("<bericht-1@kade.example>"),
        "__properties_version1.0": head + fixed((0x0039, 0x40, SENT), (0x340D, 3, 0x40000)),
        "__nameid_version1.0": {f"__substg1.0_0000{number}0102": b"" for number in (2, 3, 4)},
    }


def recipient(name: str, address: str, role: int) -> Streams:
    return {
        "__substg1.0_3001001F": wide(name),
        "__substg1.0_39FE001F": wide(address),
        "__properties_version1.0": bytes(8) + fixed((0x0C15, 3, role)),
    }


def make_message(folder: Path) -> None:
    """Outlook's format, from its properties; the compound file around them is libgsf's."""
    head = struct.pack("<8xIIII8x", 3, 2, 3, 2)
    body = "Beste Anna,\r\n\r\nHierbij de offerte voor het café.\r\n"
    whole = message("Offerte reünie € 100", body, "Ben Boekhouder", "ben@kade.example", head)
    people = [("Anna Auteur", "anna", 1), ("Carla Spreker", "carla", 2), ("", "stil", 3)]
    for number, (name, box, role) in enumerate(people):
        whole[f"__recip_version1.0_#{number:08X}"] = recipient(name, f"{box}@kade.example", role)
    whole["__attach_version1.0_#00000000"] = {
        "__substg1.0_3707001F": wide("offerte één.txt"),
        "__substg1.0_370E001F": wide("text/plain"),
        "__substg1.0_37010102": b"Bedrag van de offerte: 100 euro\n" * 200,
        "__properties_version1.0": bytes(8) + fixed((0x3705, 3, 1), (0x3007, 0x40, SENT)),
    }
    text = "Tekst van het ingesloten bericht"
    whole["__attach_version1.0_#00000001"] = {
        "__substg1.0_3001001F": wide("Doorgestuurd"),
        "__substg1.0_3701000D": message("Doorgestuurd", text, "Derde", "derde@kade.example", head[:24]),
        "__properties_version1.0": bytes(8) + fixed((0x3705, 3, 5)),
    }
    tree, target = folder / "msg", HERE / "bericht.msg"
    lay(tree, whole)
    target.unlink(missing_ok=True)
    names = sorted(path.name for path in tree.iterdir())
    subprocess.run(["gsf", "createole", str(target), *names], check=True, cwd=tree, capture_output=True)


def lay(folder: Path, streams: Streams) -> None:
    """A file for each stream, and a folder for each storage."""
    folder.mkdir()
    for name, content in streams.items():
        if isinstance(content, dict):
            lay(folder / name, content)
        else:
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()

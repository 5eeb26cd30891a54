"""Real files to exchange: a PDF and a mail made here, and this Python's own files in a tar."""

from __future__ import annotations

import struct
import sysconfig
import tarfile
import textwrap
import zlib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

_LINES_PER_PAGE = 48
_ENOUGH = 1 << 20  # bytes that may be missing from the size that is asked for

SUBJECT = "Delivery note: één container, kade 7"
DELIVERY = """\
Delivery note

This file was handed over through Kade. It came in through one door, was stored once, and leaves through
another. The offset that the sender was told was on the disk before the answer was sent, and the digest that
the receiver compares was computed from the very bytes that were stored.

1 container, 3 pallets, 48 boxes of paper
gross weight 1,204 kg
quay 7, berth 12
"""


CONTRACT = """\
Verlenging van het contract

Beide partijen verlengen de overeenkomst met een jaar. De voorwaarden blijven dezelfde.
"""


def picture() -> bytes:
    """A PNG (ISO/IEC 15948) of 16 by 16 white points."""
    header = struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\xff" * 16 for _ in range(16)))
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def write_pdf(target: Path, text: str = DELIVERY) -> None:
    """A PDF (ISO 32000-1, version 1.4) of A4 pages with this text in Helvetica."""
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, 88) or [""]]
    pages = [lines[at : at + _LINES_PER_PAGE] for at in range(0, len(lines), _LINES_PER_PAGE)]
    target.write_bytes(_document([_page_stream(page) for page in pages]))


def write_mail(target: Path, attachment: Path) -> None:
    """A mail (RFC 5322) with a text, an alternative in HTML and the attachment."""
    mail = EmailMessage()
    mail["From"] = "quay@example.org"
    mail["To"] = "partner@example.com"
    mail["Subject"] = SUBJECT
    mail["Date"] = "Sun, 22 Nov 2026 12:00:00 +0000"
    mail["Message-ID"] = "<delivery-1@example.org>"
    mail.set_content(DELIVERY)
    mail.add_alternative(f"<html><body><pre>{DELIVERY}</pre></body></html>", subtype="html")
    mail.add_attachment(
        attachment.read_bytes(), maintype="application", subtype="pdf", filename=attachment.name
    )
    for part in mail.walk():
        if part.is_multipart():
            # The boundary is drawn by chance otherwise, and the same mail would be another file each time.
            part.set_boundary(f"===={part.get_content_subtype()}====")
    target.write_bytes(mail.as_bytes())


def write_tar(target: Path, size: int) -> int:
    """A tar of files of this Python's installation, about *size* bytes at most; how many files."""
    count = 0
    with tarfile.open(target, "w") as tar:
        for path, name in _installed():
            if tar.offset > size - _ENOUGH:
                break
            if tar.offset + path.stat().st_size > size:
                continue
            tar.add(path, name, recursive=False)
            count += 1
    return count


def payslips(size: int) -> bytes:
    """*size* bytes of lines as a payroll has them, no two alike."""
    line = "{number:08d};employee {number};2026-10;gross {gross:.2f};net {net:.2f}\r\n"
    lines: list[bytes] = []
    length = number = 0
    while length < size:
        number += 1
        gross = 2000 + number * 7919 % 300_000 / 100
        lines.append(line.format(number=number, gross=gross, net=gross * 0.7).encode())
        length += len(lines[-1])
    return b"".join(lines)[:size]


def _installed() -> Iterator[tuple[Path, str]]:
    """Regular files of the standard library and of what is installed, in the order of their names."""
    paths = sysconfig.get_paths()
    for kind in ("stdlib", "platstdlib", "purelib", "platlib"):
        folder = Path(paths[kind])
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path, f"{kind}/{path.relative_to(folder)}"


def _page_stream(lines: list[str]) -> bytes:
    shown = "".join(f"({_escaped(line)}) Tj T*\n" for line in lines)
    return f"BT /F1 11 Tf 15 TL 60 780 Td\n{shown}ET".encode("cp1252", "replace")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _document(streams: list[bytes]) -> bytes:
    """Catalog, page tree, font, then a page and its content each, and the table of where they begin."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(streams)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(streams)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, stream in enumerate(streams):
        page = (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * number} 0 R >>"
        )
        objects += [
            page.encode(),
            f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream",
        ]
    written = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    begins = []
    for number, body in enumerate(objects, start=1):
        begins.append(len(written))
        written += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{begin:010d} 00000 n \n" for begin in begins)
    count = len(objects) + 1
    written += (
        f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<< /Size {count} /Root 1 0 R >>\n"
        f"startxref\n{len(written)}\n%%EOF\n"
    ).encode()
    return bytes(written)

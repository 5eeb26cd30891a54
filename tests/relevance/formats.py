"""The same papers as files that programs make: text, pages, messages, tables and documents."""

import csv
import io
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from html import escape
from pathlib import Path
from xml.sax.saxutils import escape as escape_xml

from tests.relevance.collection import Paper

_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DOCUMENT_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_EPOCH = (2024, 1, 1, 0, 0, 0)


def write(paper: Paper, folder: Path) -> Path:
    """Write a paper into a folder in its format; what is at its name is replaced."""
    path = folder / f"{paper.number:05} {paper.name}"
    path.write_bytes(_WRITERS[paper.format](paper))
    return path


def _txt(paper: Paper) -> bytes:
    return "\n".join(paper.sentences).encode()


def _html(paper: Paper) -> bytes:
    body = "".join(f"<p>{escape(sentence)}</p>" for sentence in paper.sentences)
    head = f'<meta charset="utf-8"><title>{escape(paper.title)}</title>'
    author = f'<meta name="author" content="{escape(paper.author)}">'
    return f"<!DOCTYPE html><html><head>{head}{author}</head><body>{body}</body></html>".encode()


def _eml(paper: Paper) -> bytes:
    message = EmailMessage()
    message["Subject"] = paper.title
    message["From"] = f"{paper.author} <sender@example.org>"
    message["To"] = "reader@example.org"
    message["Date"] = "Mon, 01 Jan 2024 12:00:00 +0000"
    message["Message-ID"] = f"<{paper.number}@example.org>"
    message.set_content("\n".join(paper.sentences))
    return message.as_bytes()


def _csv(paper: Paper) -> bytes:
    output = io.StringIO()
    csv.writer(output, delimiter=";").writerows(enumerate(paper.sentences, 1))
    return output.getvalue().encode()


def _rtf(paper: Paper) -> bytes:
    def said(text: str) -> str:
        plain = text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
        return "".join(each if each.isascii() else f"\\u{ord(each)}?" for each in plain)

    info = f"{{\\info{{\\title {said(paper.title)}}}{{\\author {said(paper.author)}}}}}"
    body = "\\par\n".join(map(said, paper.sentences))
    return f"{{\\rtf1\\ansi\\ansicpg1252\\uc1{info}\n{body}\\par}}".encode("ascii")


def _docx(paper: Paper) -> bytes:
    paragraphs = "".join(f"<w:p><w:r><w:t>{escape_xml(each)}</w:t></w:r></w:p>" for each in paper.sentences)
    main = f'<w:document xmlns:w="{_WORD}"><w:body>{paragraphs}</w:body></w:document>'
    types = (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_DOCUMENT_TYPE}"/></Types>'
    )
    related = (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
    )
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        parts = {"[Content_Types].xml": types, "_rels/.rels": related, "word/document.xml": main}
        for name, content in parts.items():
            said = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{content}'
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), said, zipfile.ZIP_DEFLATED)
    return output.getvalue()


_WRITERS: dict[str, Callable[[Paper], bytes]] = {
    "txt": _txt,
    "html": _html,
    "eml": _eml,
    "csv": _csv,
    "rtf": _rtf,
    "docx": _docx,
}

"""The documentation's example requests, in the three ways in which it writes them, and what they answer.

The page gives each request as a curl line in a shell and as a block of PHP. Both follow one pattern, by which
they are made here; where the page slips, ``slips`` says how.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Shape = Any
"""A type, None, a tuple of shapes of which one fits, a list of one shape, or shapes by key in their order."""

CUSTOMER, GROUP, MAILBOX = 2434, "Example group", "Info Mailbox"
FILE = r"\\GOFSERV001\directory\example.xls"
PDF = r"\\GOFSERV001\directory\example.pdf"
FOLDER = r"\\GOFSERV001\subdirectory"
_SAID = '{"wordcount": 577382, "extra": "example file"}'
_SAID_NEW = '{"wordcount": 577382, "extra": "example file which has been changed"}'


@dataclass(frozen=True)
class Example:
    """A request of the page; *slips*: what is wrong with its block of PHP."""

    name: str
    method: str
    path: str
    said: Mapping[str, str | int | Sequence[str]]
    in_body: bool = False
    slips: frozenset[str] = frozenset()

    def php(self, base: str, who: Mapping[str, str | int], *, mended: bool = False) -> str:
        """The block, for a server at *base*; it ends by printing what it was answered, as JSON."""
        slips = frozenset() if mended else self.slips
        method = "PUT" if "by-put" in slips else self.method
        path = "/File/Download/" if "other-path" in slips else self.path
        url = f'"{base}{path}"' if self.in_body or "not-sent" in slips else ""
        lines = ["CURLOPT_POST => true", "CURLOPT_POSTFIELDS => http_build_query($params)"] * self.in_body
        lines += [
            f"CURLOPT_URL => {url}" if url else f'CURLOPT_URL => "{base}{path}?".http_build_query($params)',
            f'CURLOPT_CUSTOMREQUEST => "{method}"',
            "CURLOPT_SSL_VERIFYPEER => false",
            "CURLOPT_RETURNTRANSFER => true",
            "CURLOPT_FOLLOWLOCATION => true",
        ]
        said = [_php_pair(name, value) for name, value in {**who, **self.said}.items()]
        if "no-arrow" in slips:
            said = [each.replace('"FileGroup" =>', '"FileGroup" =') for each in said]
        return (
            "<?php\n$curl = curl_init();\n"
            f"$params = array({', '.join(said)});\n"
            f"curl_setopt_array($curl, array({', '.join(lines)},));\n"
            "$response = json_decode(curl_exec($curl), true);\n"
            "curl_close($curl);\n"
            "echo json_encode($response, JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_SLASHES);\n"
        )

    def curl(self, base: str, who: Mapping[str, str | int], option: str = "--data-urlencode") -> str:
        """The line for a shell: in its double quotes ``\\\\\\\\`` becomes one backslash."""
        path = "/File/Download/" if "other-path" in self.slips else self.path
        words = [f"curl -sS -X {self.method} -G {base}{path}"]
        for name, value in {**who, **self.said}.items():
            many = [value] if isinstance(value, str | int) else value
            key = name if isinstance(value, str | int) else f"{name}[]"
            words += [f'{option} "{key}={str(each).replace(chr(34), chr(92) + chr(34))}"' for each in many]
        return " ".join(words)


def _php_pair(name: str, value: str | int | Sequence[str]) -> str:
    return f'"{name}" => {_php(value)}'


def _php(value: str | int | Sequence[str]) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        return f'"{escaped}"'
    return f"array({', '.join(map(_php, value))},)"


def _of_file(**more: str | int | Sequence[str]) -> dict[str, str | int | Sequence[str]]:
    return {"FilePath": FILE, "FileGroup": GROUP, **more}


_NEITHER = frozenset({"not-sent"})
EXAMPLES = (
    Example("search", "GET", "/Search/", {"Search": "Filer year:2024", "FileGroups": [GROUP, MAILBOX]}),
    Example("download", "GET", "/File/Download/", _of_file(), slips=_NEITHER),
    Example(
        "attachments",
        "GET",
        "/File/Download/Attachments/",
        {"FilePath": PDF, "FileGroup": GROUP, "AttachmentNames": ["Image001.png", "Image002.png"]},
        slips=frozenset({"not-sent", "no-arrow", "other-path"}),
    ),
    Example("content", "GET", "/File/Content/", _of_file(), slips=frozenset({"by-put"})),
    Example(
        "add",
        "POST",
        "/File/Add/",
        _of_file(
            CustomID="5883739", ExtraContent="Filer is awesome", Meta=_SAID, Tags=["Tag1", "Tag2", "Tag3"]
        ),
        in_body=True,
    ),
    Example(
        "change",
        "PUT",
        "/File/Change/",
        _of_file(
            CustomID="5883739",
            ExtraContent="Filer is even more awesome",
            Meta=_SAID_NEW,
            Tags=["Tag1_changed", "Tag2_changed", "Tag3_changed"],
        ),
    ),
    Example(
        "rename",
        "PUT",
        "/File/Rename/",
        {"FilePath": FILE, "FilePathNew": FILE.replace("example", "example_new"), "FileGroup": GROUP},
    ),
    Example("delete", "DELETE", "/File/Delete/", _of_file()),
    Example("information", "GET", "/File/Information/", {"FilePath": FILE, "FileGroups": [GROUP]}),
    # It says a FilePath, which is none of the request's parameters.
    Example(
        "changes",
        "GET",
        "/File/List/Changes/",
        {
            "FilePath": FILE,
            "FileGroups": [GROUP],
            "TimeOffset": "2024-11-21T12:25:40Z",
            "MinuteWindow": 1440,
            "Limit": 1,
        },
    ),
    Example("folder", "GET", "/Directory/Information/", {"Directory": FOLDER, "FileGroups": [GROUP]}),
    Example("synchronize", "PUT", "/Directory/Synchronize/", {"Directory": FOLDER, "FileGroups": [GROUP]}),
    Example("list", "GET", "/Directory/List/", {"Directory": FOLDER, "FileGroups": [GROUP]}),
    Example("initialize", "POST", "/Handshake/Initialize/", {"FileGroups": [GROUP]}, in_body=True),
)
BY_NAME = {each.name: each for each in EXAMPLES}

_SUCCESS = {"Status": str, "Handshake": str}
_DIMENSION = {"Size": float, "Type": str}
_BYTES = {"Dimension": {"Size": int, "Type": str}, "Base64": str}
_ATTACHMENTS = {"Count": int, "Items": [{"Name": str, "Downloadable": bool, "CreationDate": (str, None)}]}
_PERSON = {"Name": str, "Address": str}
_REST = {"Snippet": str, "Score": int}
FOUND_FILE = {
    "CustomID": str,
    "Name": str,
    "Server": str,
    "Path": {"Show": str, "Real": str},
    "Author": str,
    "FileGroup": str,
    "Type": str,
    "Dimension": _DIMENSION,
    "LastModified": str,
    "Deleted": bool,
    "DeletedOn": str,
    "Downloadable": bool,
    "Attachments": _ATTACHMENTS,
    "TagsFound": [str],
    "Meta": {"extra": str},
    "Properties": None,
    **_REST,
}
FOUND_MAIL = {
    **{key: value for key, value in FOUND_FILE.items() if key not in ("Server", *_REST)},
    "Path": [str],
    "DeletedOn": None,
    "Meta": None,
    "Properties": {
        "Message-ID": str,
        "Mailbox": str,
        "Subject": str,
        "From": _PERSON,
        "To": [_PERSON],
        "CC": [_PERSON],
        "BCC": [_PERSON],
    },
    **_REST,
}
ANSWERS: dict[str, Shape] = {
    "search": {
        **_SUCCESS,
        "Results": {"Count": int, "Files": [(FOUND_FILE, FOUND_MAIL)]},
        "Pagination": None,
        "ShownResults": {"Min": int, "Max": int},
        "Durations": {"Searching": float, "Fetching": float, "Parsing": float, "Total": float},
    },
    "download": {**_SUCCESS, "File": {"LastModified": str, **_BYTES}},
    "attachments": {**_SUCCESS, "Attachments": {"Image001.png": _BYTES, "Image002.png": _BYTES}},
    "content": {**_SUCCESS, "Content": str},
    "information": {
        **_SUCCESS,
        "Information": [
            {
                "CustomID": str,
                "Server": str,
                "FileGroup": str,
                "Type": str,
                "Author": str,
                "LastModified": str,
                "Deleted": bool,
                "DeletedOn": (str, None),
                "AddedBy": str,
                "UpdatedOn": str,
                "Processed": int,
                "ProcessedOn": str,
                "InDictionary": int,
                "AddedToDictionaryOn": str,
                "InAPIQueue": int,
                "Downloadable": int,
                "Attachments": _ATTACHMENTS,
                "Dimension": _DIMENSION,
                "WordCount": {"Total": int, "Unique": int},
                "AverageWordLength": int,
                "ContentLength": int,
                "ExtraContent": str,
                "Meta": str,
                "Tags": [str],
                "Properties": None,
            }
        ],
    },
    "changes": {
        **_SUCCESS,
        "Files": [
            {"CustomID": str, "FileGroup": str, "FilePath": str, "LastModified": str, "UpdatedOn": str}
        ],
    },
    "folder": {
        **_SUCCESS,
        "Directories": {
            GROUP: [
                {
                    "Type": str,
                    "Synchronization": {
                        "Started": str,
                        "Completed": str,
                        "Duration": int,
                        "Next": str,
                        "Requested": int,
                    },
                }
            ]
        },
    },
    "list": {**_SUCCESS, "Subdirectories": {GROUP: [str]}, "Files": {GROUP: [str]}},
}
PLAIN: Shape = _SUCCESS


def differs(told: Any, shape: Shape, at: str = "") -> str:
    """Where something is not of a shape, keys in their order and types; empty: nowhere."""
    if shape is None:
        return "" if told is None else f"{at}: {told!r} is not null"
    if isinstance(shape, tuple):
        return min(differs(told, each, at) for each in shape)
    if isinstance(shape, dict):
        if not isinstance(told, dict) or list(told) != list(shape):
            return f"{at}: {told!r} has not the keys {list(shape)}"
        return next(filter(None, (differs(told[key], shape[key], f"{at}.{key}") for key in shape)), "")
    if isinstance(shape, list):
        if not isinstance(told, list):
            return f"{at}: {told!r} is no list"
        return next(filter(None, (differs(each, shape[0], f"{at}[]") for each in told)), "")
    wanted = (int, float) if shape is float else shape  # 12 and 12.0 are one number in JSON
    right = isinstance(told, wanted) and (shape is bool or not isinstance(told, bool))
    return "" if right else f"{at}: {told!r} is no {shape.__name__}"


def pdf_with(files: Mapping[str, bytes], words: str) -> bytes:
    """A PDF of one page that says *words*, with *files* attached in 2024 (ISO 32000-1, 7.11.4)."""
    text = f"BT /F1 12 Tf 72 720 Td ({words}) Tj ET".encode()
    names = " ".join(f"({name}) {7 + 2 * number} 0 R" for number, name in enumerate(files))
    objects = [
        f"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[{names}]>>>>>>".encode(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        _stream(text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Author(Filer)>>",
    ]
    attached = "/Type/EmbeddedFile/Filter/FlateDecode/Params<</CreationDate(D:20241120133640Z)>>"
    for number, (name, content) in enumerate(files.items()):
        at = 8 + 2 * number
        objects.append(f"<</Type/Filespec/F({name})/UF({name})/EF<</F {at} 0 R>>>>".encode())
        objects.append(_stream(zlib.compress(content), attached))
    body, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<</Size {size}/Root 1 0 R/Info 6 0 R>>\n"
    return body + f"{end}startxref\n{len(body)}\n%%EOF\n".encode()


def _stream(content: bytes, more: str = "") -> bytes:
    return f"<<{more}/Length {len(content)}>>\nstream\n".encode() + content + b"\nendstream"
